// SPDX-License-Identifier: Apache-2.0
/*
 * pmem_info.c - the block that makes Linux use persistent memory directly
 *
 * The on-media format of Linux's drivers/nvdimm/pfn.h, minor version 4, which
 * `ndctl create-namespace --mode=fsdax --map=mem` writes. All integers are
 * little endian, as are the CPUs that have it.
 */
#include "pmem_info.h"

#include <string.h>

enum {
	INFO_OFFSET = 4096,
	MODE_RAM = 1, /* struct pages in RAM, not in the memory itself */
	PAGE = 4096,
	STRUCT_PAGE = 64,
};

struct pmem_info {
	char signature[16];
	uint8_t uuid[16];
	uint8_t parent_uuid[16]; /* zero: the memory has no labels */
	uint32_t flags;
	uint16_t version_major, version_minor;
	uint64_t data_offset; /* bytes */
	uint64_t pages;
	uint32_t mode;
	uint32_t start_pad, end_trunc; /* bytes left out */
	uint32_t align;		       /* bytes */
	uint32_t page_size;
	uint16_t struct_page_size;
	uint8_t padding[3994];
	uint64_t checksum; /* with this field zero */
} __attribute__((packed));

static_assert(sizeof(struct pmem_info) == 4096, "drivers/nvdimm/pfn.h");

/* Fletcher's sums over words of 32 bits, as nd_fletcher64() has them. */
static uint64_t fletcher64(const void *bytes, size_t n)
{
	uint64_t high = 0;
	uint32_t low = 0, word;

	for (size_t i = 0; i < n; i += sizeof(word)) {
		memcpy(&word, (const char *)bytes + i, sizeof(word));
		low += word;
		high += low;
	}
	return high << 32 | low;
}

void pmem_info_write(void *space, uint64_t size, uint32_t number)
{
	struct pmem_info info = {
		.signature = "NVDIMM_PFN_INFO",
		.uuid = "mote pmem",
		.version_major = 1,
		.version_minor = 4,
		.data_offset = PMEM_INFO_SPACE,
		.pages = (size - PMEM_INFO_SPACE) / PAGE,
		.mode = MODE_RAM,
		.align = PMEM_INFO_SPACE,
		.page_size = PAGE,
		.struct_page_size = STRUCT_PAGE,
	};

	memcpy(info.uuid + sizeof(info.uuid) - sizeof(number), &number,
	       sizeof(number));
	info.checksum = fletcher64(&info, sizeof(info));
	memcpy((char *)space + INFO_OFFSET, &info, sizeof(info));
}
