// SPDX-License-Identifier: Apache-2.0
/*
 * samepages.c - samepages MIB ROUNDS SECONDS SEED: memory the host may merge
 *
 * Fills MIB MiB with pages of which half are the same in every guest, half of
 * the rest equal to each other, and the others like nothing else (SEED). Then,
 * ROUNDS times: leaves them alone for SECONDS, looks at every word, and changes
 * a part, so that the host merges pages while they are read and breaks them
 * again while they are written. In between a third is given back to the kernel
 * and taken again: such pages must be zero. Exits with 0, or 1 and a line that
 * says which word is wrong.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / sizeof(uint64_t), HEAD_WORDS = 64 };

static uint64_t seed;
static size_t pages;
static uint64_t *memory;
/* Of the first words of each page and of the others: how often written. */
static unsigned *heads, *tails;

static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* What word i of a page must be: same for all, same for many, or its own. */
static uint64_t expected(size_t page, size_t i)
{
	unsigned version = i < HEAD_WORDS ? heads[page] : tails[page];
	uint64_t what = (uint64_t)version << 32;

	if (version == 0)
		return 0;
	switch (page % 4) {
	case 0:
	case 1:
		what |= page;
		break;
	case 2:
		break;
	case 3:
		what ^= mix(seed) ^ page;
		break;
	}
	return mix(what * WORDS + i);
}

static void write_words(size_t page, size_t n)
{
	heads[page]++;
	if (n == WORDS)
		tails[page]++;
	for (size_t i = 0; i < n; i++)
		memory[page * WORDS + i] = expected(page, i);
}

static bool check(const char *when, unsigned round)
{
	for (size_t page = 0; page < pages; page++) {
		for (size_t i = 0; i < WORDS; i++) {
			uint64_t got = memory[page * WORDS + i];

			if (got == expected(page, i))
				continue;
			fprintf(stderr,
				"samepages: round %u, %s: page %zu word %zu is "
				"%#lx, should be %#lx\n",
				round, when, page, i, (unsigned long)got,
				(unsigned long)expected(page, i));
			return false;
		}
	}
	return true;
}

/* The start of every third page: the rest of a merged one has to be copied. */
static void rewrite(unsigned round)
{
	for (size_t page = round % 3; page < pages; page += 3)
		write_words(page, HEAD_WORDS);
}

/* The kernel gets a third back, uses it for others, and hands out zeros. */
static bool recycle(unsigned round)
{
	size_t first = pages / 3 * (round % 3), n = pages / 3;

	if (madvise(memory + first * WORDS, n * PAGE, MADV_DONTNEED) < 0) {
		perror("samepages: MADV_DONTNEED");
		return false;
	}
	for (size_t page = first; page < first + n; page++)
		heads[page] = tails[page] = 0;
	return true;
}

static bool run_round(unsigned round, unsigned seconds)
{
	sleep(seconds);
	if (!check("after the wait", round))
		return false;
	rewrite(round);
	if (!check("after writing", round) || !recycle(round) ||
	    !check("after giving back", round))
		return false;
	for (size_t page = 0; page < pages; page++)
		if (tails[page] == 0)
			write_words(page, WORDS);
	return check("after taking again", round);
}

int main(int argc, char **argv)
{
	unsigned rounds, seconds;

	if (argc != 5) {
		fprintf(stderr, "usage: samepages MIB ROUNDS SECONDS SEED\n");
		return 2;
	}
	pages = strtoul(argv[1], NULL, 0) * ((1 << 20) / PAGE);
	rounds = (unsigned)strtoul(argv[2], NULL, 0);
	seconds = (unsigned)strtoul(argv[3], NULL, 0);
	seed = strtoull(argv[4], NULL, 0);
	memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	heads = calloc(pages, sizeof(heads[0]));
	tails = calloc(pages, sizeof(tails[0]));
	if (memory == MAP_FAILED || heads == NULL || tails == NULL) {
		perror("samepages");
		return 2;
	}
	for (size_t page = 0; page < pages; page++)
		write_words(page, WORDS);
	fprintf(stderr, "samepages: %zu pages filled\n", pages);
	for (unsigned round = 0; round < rounds; round++) {
		if (!run_round(round, seconds))
			return 1;
		fprintf(stderr, "samepages: round %u is right\n", round);
	}
	return 0;
}
