// SPDX-License-Identifier: Apache-2.0
/*
 * device_options.h - one device of the command line -> struct vm_config
 *
 * The rows of the table in options.c that add a device. Texts are cut in place
 * and borrowed; -EINVAL with *err set.
 */
#ifndef MOTE_DEVICE_OPTIONS_H
#define MOTE_DEVICE_OPTIONS_H

#include "config.h"

int options_add_disk(struct vm_config *cfg, char *text, struct err *err);
int options_add_vhost_user(struct vm_config *cfg, char *text, struct err *err);
int options_add_net(struct vm_config *cfg, char *text, struct err *err);
int options_add_vsock(struct vm_config *cfg, char *text, struct err *err);
int options_add_scsi(struct vm_config *cfg, char *text, struct err *err);
int options_add_console(struct vm_config *cfg, char *text, struct err *err);

#endif
