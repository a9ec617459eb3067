// SPDX-License-Identifier: Apache-2.0
/*
 * mergeable.c - mergeable PROGRAM [ARGUMENT...]: run a program all of whose
 * memory is offered to KSM, as systemd's MemoryKSM=yes does; on the host
 */
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { SET_MEMORY_MERGE = 67 }; /* Linux 6.4; Debian 12's headers are older */

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: mergeable PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	if (prctl(SET_MEMORY_MERGE, 1, 0, 0, 0) < 0) {
		perror("this kernel has no PR_SET_MEMORY_MERGE (Linux 6.4)");
		return 1;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
