// SPDX-License-Identifier: Apache-2.0
/*
 * config.h - what a user asks for: one VM and its devices, as plain data
 *
 * Filled in by src/api, checked here, carried out by src/vm.
 * Strings are borrowed from the caller and must outlive the VM.
 */
#ifndef MOTE_CONFIG_H
#define MOTE_CONFIG_H

#include "device_config.h"
#include "err.h"
#include "log.h"
#include "util.h"

enum {
	CONFIG_CPUS_MAX = 64,
	CONFIG_HOST_CPUS_MAX = 1024, /* CPU_SETSIZE */
};

/*
 * Console on hvc0; a panic ends the VM instead of hanging it; no self-tests of
 * the kernel's own crypto code, which take Debian's 6.1 two thirds of its boot.
 */
#define CONFIG_CMDLINE_DEFAULT "console=hvc0 panic=-1 cryptomgr.notests"

enum config_mergeable { MERGEABLE_AUTO, MERGEABLE_ON, MERGEABLE_OFF };
enum config_sharing { SHARING_AUTO, SHARING_PRIVATE, SHARING_SHARED };
enum config_load { LOAD_AUTO, LOAD_READ, LOAD_MAP };
enum config_platform { PLATFORM_ACPI, PLATFORM_CMDLINE };

struct vm_config {
	char id[ID_MAX + 1];
	const char *kernel;
	const char *initrd;	  /* NULL: none */
	int kernel_fd, initrd_fd; /* open already; -1: to be opened */
	const char *cmdline;
	unsigned cpus;
	uint16_t affinity[CONFIG_CPUS_MAX]; /* the host CPU of each vCPU */
	unsigned affinity_count;	    /* vCPUs that have one */
	uint64_t memory;		    /* bytes */
	enum config_sharing sharing;
	enum config_mergeable mergeable;
	bool thp;
	bool prefault;
	bool hugepages; /* 2 MiB hugetlb */
	enum config_load load;
	enum config_platform platform;
	bool boot_timer;	   /* log when the guest says it booted */
	const char *early_console; /* file, "stderr" or NULL */
	struct config_disk disks[CONFIG_DISKS_MAX];
	unsigned disk_count;
	struct config_vhost_user vhost_user[CONFIG_VHOST_USER_MAX];
	unsigned vhost_user_count;
	struct config_net nets[CONFIG_NETS_MAX];
	unsigned net_count;
	struct config_vsock vsocks[CONFIG_VSOCKS_MAX];
	unsigned vsock_count;
	struct config_scsi scsis[CONFIG_SCSIS_MAX];
	unsigned scsi_count;
	struct config_console consoles[CONFIG_CONSOLES_MAX];
	unsigned console_count;
	struct config_pmem pmem[CONFIG_PMEM_MAX];
	unsigned pmem_count;
	bool console_given; /* else stdio, or none in private memory */
	enum log_level log_level;
	const char *log_file; /* NULL: stderr */
};

/* The defaults of every field; ids are given out by vm_config_check(). */
void vm_config_init(struct vm_config *cfg);

/*
 * Everything that can be said without opening anything: limits, ids unique among
 * devices of a kind, combinations that exclude each other (the message names the
 * device). Fills in what was left open: ids (disk0, console0, ...), numbers of
 * queues, the sharing of memory.
 */
int vm_config_check(struct vm_config *cfg, struct err *err);

/* One device by itself; vm_config_check() does not do it again. */
int vm_config_check_vhost_user(const struct config_vhost_user *user,
			       struct err *err);

/*
 * After that check, and before this process opens anything of its own: have the
 * descriptors been passed that cfg names? Later the same number could be one of
 * ours, and would be taken over and closed for the user's.
 */
int vm_config_check_fds(const struct vm_config *cfg, struct err *err);

/* After the check: is guest memory a memfd that backends map? */
bool vm_config_is_shared(const struct vm_config *cfg);

/* After the check: is it offered to KSM? inherited: see ksm_is_inherited(). */
bool vm_config_is_mergeable(const struct vm_config *cfg, bool inherited);

#endif
