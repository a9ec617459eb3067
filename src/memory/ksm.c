// SPDX-License-Identifier: Apache-2.0
/*
 * ksm.c - memory whose equal pages the host may merge (kernel samepage merging)
 */
#include "ksm.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* Linux 6.4, include/uapi/linux/prctl.h; Debian 12's headers are older. */
enum { GET_MEMORY_MERGE = 68 };

bool ksm_is_inherited(void)
{
	return prctl(GET_MEMORY_MERGE, 0, 0, 0, 0) == 1;
}

int ksm_advise(void *at, size_t size, bool mergeable, struct err *err)
{
	if (!mergeable) {
		/* Without KSM there is no offer, and nothing to take back. */
		if (ksm_is_inherited())
			madvise(at, size, MADV_UNMERGEABLE);
		return 0;
	}
	if (madvise(at, size, MADV_MERGEABLE) == 0)
		return 0;
	if (errno == EINVAL)
		return err_set(err, EINVAL,
			       "memory cannot be mergeable: this kernel has no "
			       "KSM");
	return err_errno(err, "mark memory mergeable");
}
