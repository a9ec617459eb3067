// SPDX-License-Identifier: Apache-2.0
/*
 * memory_options.h - what the guest's memory is made of: --memory and --pmem
 *
 * Each takes the option's value, which it changes, and adds it to cfg.
 */
#ifndef MOTE_MEMORY_OPTIONS_H
#define MOTE_MEMORY_OPTIONS_H

#include "config.h"

int set_memory(struct vm_config *cfg, char *text, struct err *err);
int add_pmem(struct vm_config *cfg, char *text, struct err *err);

#endif
