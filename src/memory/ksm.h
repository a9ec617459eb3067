// SPDX-License-Identifier: Apache-2.0
/*
 * ksm.h - memory whose equal pages the host may merge (kernel samepage merging)
 *
 * Any thread.
 */
#ifndef MOTE_KSM_H
#define MOTE_KSM_H

#include "err.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether this process was started with all its memory offered to KSM: by
 * prctl(PR_SET_MEMORY_MERGE), systemd's MemoryKSM=. False before Linux 6.4.
 */
bool ksm_is_inherited(void);

/*
 * Offer a mapping to KSM, or take back the offer that it was born with.
 * -EINVAL when it is to be offered and this kernel has no KSM.
 */
int ksm_advise(void *at, size_t size, bool mergeable, struct err *err);

#endif
