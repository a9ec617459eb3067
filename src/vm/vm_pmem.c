// SPDX-License-Identifier: Apache-2.0
/*
 * vm_pmem.c - image files become persistent memory of the guest
 *
 * An image is opened for reading and locked against writers, as a read-only disk
 * is, for as long as the VM lives; the descriptor holds the lock. A file that is
 * cut all the same takes its pages with it: the vCPU that needs one ends the VM
 * (vcpu_run.c), nobody else looks at them.
 */
#include "vm_internal.h"
#include "vm_disks.h"
#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int open_image(const struct config_pmem *pmem, int *fd, struct err *err)
{
	/* O_NONBLOCK: for a FIFO, until it is refused. */
	*fd = open(pmem->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		return err_errno(err, "'%s'", pmem->path);
	return vm_claim_image(*fd, pmem->path, false, err);
}

int vm_open_pmem(struct vm *vm, struct err *err)
{
	const struct vm_config *cfg = vm->cfg;
	int ret;

	for (unsigned i = 0; i < cfg->pmem_count; i++) {
		ret = open_image(&cfg->pmem[i], &vm->pmem_fds[i], err);
		if (ret < 0)
			return err_prefix(err, ret, "pmem %s", cfg->pmem[i].id);
	}
	return 0;
}

static_assert((int)CONFIG_PMEM_MAX == (int)GUEST_MEMORY_IMAGES_MAX,
	      "the limit that users are told is that of guest memory");

/* The end of a file or of a block device alike. */
static int map_image(struct vm *vm, const struct config_pmem *pmem, int fd,
		     struct err *err)
{
	off_t size = lseek(fd, 0, SEEK_END);
	int ret;

	if (size < 0)
		return err_errno(err, "'%s'", pmem->path);
	if (size == 0)
		return err_set(err, EINVAL, "'%s' is empty", pmem->path);
	ret = guest_memory_add_image(vm->memory, fd, (uint64_t)size, err);
	return ret < 0 ? err_prefix(err, ret, "'%s'", pmem->path) : 0;
}

int vm_map_pmem(struct vm *vm, struct err *err)
{
	const struct vm_config *cfg = vm->cfg;
	int ret;

	for (unsigned i = 0; i < cfg->pmem_count; i++) {
		ret = map_image(vm, &cfg->pmem[i], vm->pmem_fds[i], err);
		if (ret < 0)
			return err_prefix(err, ret, "pmem %s", cfg->pmem[i].id);
	}
	return 0;
}

void vm_close_pmem(struct vm *vm)
{
	for (size_t i = 0; i < CONFIG_PMEM_MAX; i++)
		fd_close(&vm->pmem_fds[i]);
}
