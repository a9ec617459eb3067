// SPDX-License-Identifier: Apache-2.0
/*
 * suboptions.h - "VALUE,key=value,flag" -> fields of a struct, by table
 */
#ifndef MOTE_SUBOPTIONS_H
#define MOTE_SUBOPTIONS_H

#include "config.h"
#include "err.h"
#include "util.h"

/*
 * Parsers take the text after '=', or NULL when there is none, and fill *into.
 * What keeps the text borrows it.
 */
typedef int suboption_parser(const char *text, void *into, struct err *err);

struct suboption {
	const char *key;
	suboption_parser *parse;
	size_t offset; /* into the struct */
};

suboption_parser suboption_text;       /* const char * */
suboption_parser suboption_id;	       /* char [ID_MAX + 1] */
suboption_parser suboption_bool;       /* bool; "key" alone means on */
suboption_parser suboption_queues;     /* unsigned, 1 to 256 */
suboption_parser suboption_queue_size; /* uint16_t, a power of two */
suboption_parser suboption_fd;	       /* int, 0 or more */
suboption_parser suboption_mac;	       /* struct config_mac */

/* For parsers of numbers that have limits of their own. */
int suboption_uint(const char *text, unsigned min, unsigned max, unsigned *into,
		   struct err *err);

/*
 * Cut text (changed in place) at its commas. *first gets the part before the
 * first comma, a part without a key; the rest goes through the table. With a
 * NULL first there is no such part. Unknown and repeated keys are errors: a
 * misspelt option that is quietly ignored costs the user more than a refused one.
 */
int suboptions_parse(char *text, const char **first,
		     const struct suboption *table, size_t n, void *into,
		     struct err *err);

#endif
