// SPDX-License-Identifier: Apache-2.0
/*
 * aml.c - a small encoder for the byte code of a DSDT
 *
 * The length of a package stands in front of it and has itself a length that
 * depends on its value (ACPI 6.5, 20.2.4), so aml_end() moves the content up
 * and puts it in. The byte order of integers is that of the host, which is the
 * guest's.
 */
#include "aml.h"
#include "util.h"

#include <string.h>

/* ACPI 6.5, 20.2 and 20.3 */
enum {
	AML_ZERO = 0x00,
	AML_ONE = 0x01,
	AML_NAME = 0x08,
	AML_BYTE_PREFIX = 0x0a,
	AML_WORD_PREFIX = 0x0b,
	AML_DWORD_PREFIX = 0x0c,
	AML_STRING_PREFIX = 0x0d,
	AML_QWORD_PREFIX = 0x0e,
	AML_SCOPE = 0x10,
	AML_BUFFER = 0x11,
	AML_PACKAGE = 0x12,
	AML_METHOD = 0x14,
	AML_EXT_PREFIX = 0x5b,
	AML_EXT_DEVICE = 0x82,
	AML_NOTIFY = 0x86,
};

/* ACPI 6.5, 20.2.5.2: MethodFlags, whose low three bits count the arguments. */
enum { METHOD_SERIALIZED = 1 << 3 };

/* ACPI 6.5, 6.4.2 and 6.4.3: tag bytes */
enum {
	RESOURCE_IO = 0x47,
	RESOURCE_END = 0x79,
	RESOURCE_MEMORY32_FIXED = 0x86,
	RESOURCE_INTERRUPT = 0x89,
};

enum {
	LARGE_TAG_SIZE = 3, /* tag and length, not counted in it */
	IO_DECODE_16 = 1,
	MEMORY_READ_WRITE = 1,
	INTERRUPT_CONSUMER = 1 << 0,
	INTERRUPT_EDGE = 1 << 1, /* active high, exclusive: 0 */
};

struct memory32_fixed {
	uint8_t tag;
	uint16_t length;
	uint8_t info;
	uint32_t base, size;
} __attribute__((packed));

struct interrupt {
	uint8_t tag;
	uint16_t length;
	uint8_t flags, count;
	uint32_t gsi;
} __attribute__((packed));

struct io_port {
	uint8_t tag, info;
	uint16_t min, max;
	uint8_t align, size;
} __attribute__((packed));

void aml_init(struct aml *aml, void *buf, size_t max)
{
	*aml = (struct aml){ .data = buf, .max = max };
}

static void put(struct aml *aml, const void *bytes, size_t n)
{
	if (n > aml->max - aml->len) {
		aml->overflow = true;
		return;
	}
	memcpy(aml->data + aml->len, bytes, n);
	aml->len += n;
}

static void put_byte(struct aml *aml, uint8_t byte)
{
	put(aml, &byte, 1);
}

static void put_name(struct aml *aml, const char *name)
{
	put(aml, name, strlen(name));
}

/* The shortest form, as a compiler would choose. */
static void put_integer(struct aml *aml, uint64_t value)
{
	static const struct {
		uint8_t prefix, bytes;
	} forms[] = {
		{ AML_BYTE_PREFIX, 1 },
		{ AML_WORD_PREFIX, 2 },
		{ AML_DWORD_PREFIX, 4 },
		{ AML_QWORD_PREFIX, 8 },
	};
	size_t i = 0;

	if (value <= 1) {
		put_byte(aml, value == 0 ? AML_ZERO : AML_ONE);
		return;
	}
	while (forms[i].bytes < 8 && value >> (8 * forms[i].bytes) != 0)
		i++;
	put_byte(aml, forms[i].prefix);
	put(aml, &value, forms[i].bytes);
}

/*
 * PkgLength counts its own bytes: up to 63 in one byte; else the low four bits
 * in the first, eight more in each of the up to three that follow, whose number
 * stands in the two top bits.
 */
static size_t encode_length(size_t content, uint8_t out[4])
{
	size_t n = 1, value;

	if (content + 1 <= 63) {
		out[0] = (uint8_t)(content + 1);
		return 1;
	}
	do {
		n++;
		value = content + n;
	} while (value >> (4 + 8 * (n - 1)) != 0 && n < 4);
	out[0] = (uint8_t)((n - 1) << 6 | (value & 0xf));
	for (size_t i = 1; i < n; i++)
		out[i] = (uint8_t)(value >> (4 + 8 * (i - 1)));
	return n;
}

void aml_end(struct aml *aml, size_t start)
{
	uint8_t length[4];
	size_t content = aml->len - start;
	size_t n = encode_length(content, length);

	if (n > aml->max - aml->len) {
		aml->overflow = true;
		return;
	}
	memmove(aml->data + start + n, aml->data + start, content);
	memcpy(aml->data + start, length, n);
	aml->len += n;
}

size_t aml_begin_scope(struct aml *aml, const char *name)
{
	size_t start;

	put_byte(aml, AML_SCOPE);
	start = aml->len;
	put_name(aml, name);
	return start;
}

size_t aml_begin_device(struct aml *aml, const char *name)
{
	size_t start;

	put_byte(aml, AML_EXT_PREFIX);
	put_byte(aml, AML_EXT_DEVICE);
	start = aml->len;
	put_name(aml, name);
	return start;
}

size_t aml_begin_method(struct aml *aml, const char *name, uint8_t args)
{
	size_t start;

	put_byte(aml, AML_METHOD);
	start = aml->len;
	put_name(aml, name);
	put_byte(aml, args | METHOD_SERIALIZED);
	return start;
}

void aml_notify(struct aml *aml, const char *name, uint64_t value)
{
	put_byte(aml, AML_NOTIFY);
	put_name(aml, name);
	put_integer(aml, value);
}

void aml_name_integer(struct aml *aml, const char *name, uint64_t value)
{
	put_byte(aml, AML_NAME);
	put_name(aml, name);
	put_integer(aml, value);
}

void aml_name_string(struct aml *aml, const char *name, const char *value)
{
	put_byte(aml, AML_NAME);
	put_name(aml, name);
	put_byte(aml, AML_STRING_PREFIX);
	put(aml, value, strlen(value) + 1);
}

void aml_name_package(struct aml *aml, const char *name, const uint8_t *values,
		      uint8_t count)
{
	size_t start;

	put_byte(aml, AML_NAME);
	put_name(aml, name);
	put_byte(aml, AML_PACKAGE);
	start = aml->len;
	put_byte(aml, count);
	for (uint8_t i = 0; i < count; i++)
		put_integer(aml, values[i]);
	aml_end(aml, start);
}

void aml_name_resources(struct aml *aml, const char *name,
			const struct aml *content)
{
	static const uint8_t end[] = { RESOURCE_END, 0 }; /* no checksum */
	size_t start;

	put_byte(aml, AML_NAME);
	put_name(aml, name);
	put_byte(aml, AML_BUFFER);
	start = aml->len;
	put_integer(aml, content->len + sizeof(end));
	put(aml, content->data, content->len);
	put(aml, end, sizeof(end));
	aml_end(aml, start);
	aml->overflow |= content->overflow;
}

void aml_memory32_fixed(struct aml *res, uint32_t base, uint32_t len)
{
	const struct memory32_fixed memory = {
		.tag = RESOURCE_MEMORY32_FIXED,
		.length = sizeof(memory) - LARGE_TAG_SIZE,
		.info = MEMORY_READ_WRITE,
		.base = base,
		.size = len,
	};

	put(res, &memory, sizeof(memory));
}

void aml_interrupt_edge(struct aml *res, uint32_t gsi)
{
	const struct interrupt interrupt = {
		.tag = RESOURCE_INTERRUPT,
		.length = sizeof(interrupt) - LARGE_TAG_SIZE,
		.flags = INTERRUPT_CONSUMER | INTERRUPT_EDGE,
		.count = 1,
		.gsi = gsi,
	};

	put(res, &interrupt, sizeof(interrupt));
}

void aml_io_port(struct aml *res, uint16_t port, uint8_t len)
{
	const struct io_port io = {
		.tag = RESOURCE_IO,
		.info = IO_DECODE_16,
		.min = port,
		.max = port,
		.align = 1,
		.size = len,
	};

	put(res, &io, sizeof(io));
}
