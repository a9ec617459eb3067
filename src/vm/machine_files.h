// SPDX-License-Identifier: Apache-2.0
/*
 * machine_files.h - what a configuration names, opened when it is configured
 *
 * A wrong path is an error of the request that brought it, not of the start; and
 * what was checked then is what is used later. Seen by src/vm only.
 *
 * Main thread.
 */
#ifndef MOTE_MACHINE_FILES_H
#define MOTE_MACHINE_FILES_H

#include "config.h"

/*
 * Open what cfg names and has no descriptor for: kernel, initrd, images, taps,
 * connections to vhost-user servers, the socket of a vsock, unless before, which
 * cfg is to replace, has the same. Images of disks are not locked before the
 * start. On failure whatever was opened here is closed, and cfg must be thrown
 * away.
 */
int machine_open_files(struct vm_config *cfg, const struct vm_config *before,
		       struct err *err);

/*
 * Close the descriptors of cfg, but those that keep has too; NULL: all. The file
 * of a socket goes with it.
 */
void machine_close_files(struct vm_config *cfg, const struct vm_config *keep);

/*
 * A start has failed: connections to vhost-user servers have been talked on, and
 * must be made anew.
 */
void machine_hang_up(struct vm_config *cfg);

/*
 * A VM has been made of cfg: its loader, backends and devices have copies. Only
 * images of persistent memory stay, for their locks.
 */
void machine_hand_over_files(struct vm_config *cfg);

#endif
