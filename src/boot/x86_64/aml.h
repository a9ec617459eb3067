// SPDX-License-Identifier: Apache-2.0
/*
 * aml.h - a small encoder for the byte code of a DSDT (ACPI 6.5, chapter 20)
 *
 * Appends to a buffer. What does not fit is left out and remembered, so that
 * one check at the end is enough. Names are four characters.
 */
#ifndef MOTE_AML_H
#define MOTE_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *data;	 /* borrowed */
	size_t len, max; /* bytes */
	bool overflow;	 /* something was left out */
};

void aml_init(struct aml *aml, void *buf, size_t max);

/* Everything up to the matching aml_end(start) is inside. */
size_t aml_begin_scope(struct aml *aml, const char *name);
size_t aml_begin_device(struct aml *aml, const char *name);
size_t aml_begin_method(struct aml *aml, const char *name, uint8_t args);
void aml_end(struct aml *aml, size_t start);

/* Name (name, value) */
void aml_name_integer(struct aml *aml, const char *name, uint64_t value);
void aml_name_string(struct aml *aml, const char *name, const char *value);
void aml_name_package(struct aml *aml, const char *name, const uint8_t *values,
		      uint8_t count);
/* content: resource descriptors, to which the end tag is added. */
void aml_name_resources(struct aml *aml, const char *name,
			const struct aml *content);

/* In a method: Notify (name, value), with name looked for outwards. */
void aml_notify(struct aml *aml, const char *name, uint64_t value);

/* Resource descriptors (ACPI 6.5, 6.4), appended to a buffer of their own. */
void aml_memory32_fixed(struct aml *res, uint32_t base, uint32_t len);
void aml_interrupt_edge(struct aml *res, uint32_t gsi);
void aml_io_port(struct aml *res, uint16_t port, uint8_t len);

#endif
