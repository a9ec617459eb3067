// SPDX-License-Identifier: Apache-2.0
/*
 * suboptions.c - "VALUE,key=value,flag" -> fields of a struct, by table
 */
#include "suboptions.h"
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
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

int suboption_uint(const char *text, unsigned min, unsigned max, unsigned *into,
		   struct err *err)
{
	uint64_t value;
	int ret = parse_uint(text ? text : "", min, max, &value, err);

	if (ret == 0)
		*into = (unsigned)value;
	return ret;
}

int suboption_queues(const char *text, void *into, struct err *err)
{
	return suboption_uint(text, 1, 256, into, err);
}

int suboption_queue_size(const char *text, void *into, struct err *err)
{
	unsigned value;
	int ret = suboption_uint(text, 2, 32768, &value, err);

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
	unsigned value;
	int ret = suboption_uint(text, 0, INT_MAX, &value, err);

	if (ret == 0)
		*(int *)into = (int)value;
	return ret;
}

/* "aa:bb:cc:dd:ee:ff" and nothing else: sscanf() would take blanks and signs. */
static bool parse_mac(const char *text, uint8_t addr[6])
{
	static const char form[] = "xx:xx:xx:xx:xx:xx";

	if (strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; i < strlen(form); i++) {
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i])
				   : text[i] != form[i])
			return false;
	}
	for (size_t i = 0; i < 6; i++)
		addr[i] = (uint8_t)strtoul(text + 3 * i, NULL, 16);
	return true;
}

/* Neither a multicast address nor zero belongs to a device. */
int suboption_mac(const char *text, void *into, struct err *err)
{
	static const uint8_t zero[6];
	struct config_mac *mac = into;
	uint8_t addr[6];

	if (text == NULL || !parse_mac(text, addr) || (addr[0] & 1) != 0 ||
	    memcmp(addr, zero, sizeof(addr)) == 0)
		return err_set(err, EINVAL,
			       "'%s': expected a unicast MAC address such as "
			       "02:00:00:00:00:01",
			       text ? text : "");
	memcpy(mac->addr, addr, sizeof(mac->addr));
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
