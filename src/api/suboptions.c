// SPDX-License-Identifier: Apache-2.0
/*
 * suboptions.c - "VALUE,key=value,flag" -> fields of a struct, by table
 */
#include "suboptions.h"
#include "parse.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

int suboption_text(const char *text, void *into, struct err *err)
{
	if (text == NULL || text[0] == '\0')
		return err_set(err, EINVAL, "expected a value");
	*(const char **)into = text;
	return 0;
}

int suboption_id(const char *text, void *into, struct err *err)
{
	return parse_id(text ? text : "", into, err);
}

int suboption_bool(const char *text, void *into, struct err *err)
{
	return parse_bool(text ? text : "on", into, err);
}

int suboption_queues(const char *text, void *into, struct err *err)
{
	uint64_t value;
	int ret = parse_uint(text ? text : "", 1, 256, &value, err);

	if (ret == 0)
		*(unsigned *)into = (unsigned)value;
	return ret;
}

int suboption_queue_size(const char *text, void *into, struct err *err)
{
	uint64_t value;
	int ret = parse_uint(text ? text : "", 2, 32768, &value, err);

	if (ret < 0)
		return ret;
	if (!is_power_of_two(value))
		return err_set(err, EINVAL, "'%s': expected a power of two",
			       text);
	*(uint16_t *)into = (uint16_t)value;
	return 0;
}

int suboption_fd(const char *text, void *into, struct err *err)
{
	uint64_t value;
	int ret = parse_uint(text ? text : "", 0, INT_MAX, &value, err);

	if (ret == 0)
		*(int *)into = (int)value;
	return ret;
}

/* aa:bb:cc:dd:ee:ff; a multicast address belongs to no device. */
int suboption_mac(const char *text, void *into, struct err *err)
{
	struct config_mac *mac = into;
	unsigned b[6];
	char end;

	if (text == NULL ||
	    sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &b[0], &b[1], &b[2],
		   &b[3], &b[4], &b[5], &end) != 6 ||
	    (b[0] & 1) != 0)
		return err_set(err, EINVAL,
			       "'%s': expected a unicast MAC address such as "
			       "02:00:00:00:00:01",
			       text ? text : "");
	for (size_t i = 0; i < ARRAY_LEN(b); i++)
		mac->addr[i] = (uint8_t)b[i];
	mac->given = true;
	return 0;
}

static int parse_one(char *item, const struct suboption *table, size_t n,
		     uint64_t *seen, void *into, struct err *err)
{
	char *text = strchr(item, '=');
	int ret;

	if (text != NULL)
		*text++ = '\0';
	for (size_t i = 0; i < n; i++) {
		if (strcmp(item, table[i].key) != 0)
			continue;
		if (*seen & BIT(i))
			return err_set(err, EINVAL, "%s is given twice", item);
		*seen |= BIT(i);
		ret = table[i].parse(text, (char *)into + table[i].offset, err);
		return ret < 0 ? err_prefix(err, ret, "%s", item) : 0;
	}
	return err_set(err, EINVAL, "unknown key '%s'", item);
}

int suboptions_parse(char *text, const char **first,
		     const struct suboption *table, size_t n, void *into,
		     struct err *err)
{
	uint64_t seen = 0;
	char *rest = text, *item;
	int ret;

	if (first != NULL)
		*first = strsep(&rest, ",");
	while ((item = strsep(&rest, ",")) != NULL) {
		ret = parse_one(item, table, n, &seen, into, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}
