// SPDX-License-Identifier: Apache-2.0
/*
 * vm_pause.c - the guest stands still between two instructions, and goes on
 *
 * Only the vCPUs stop. Backends and the host kernel go on with the requests they
 * have got, since those are the host's; their interrupts wait in the LAPICs.
 */
#include "vm_internal.h"
#include "log.h"

#include <errno.h>

int vm_pause(struct vm *vm, struct err *err)
{
	int ret;

	if (vm_is_paused(vm))
		return 0;
	/* No signal reaches a vCPU that waits for a page of the kernel. */
	ret = vm_finish_loading(vm, err);
	if (ret == 0)
		ret = vcpus_pause(vm->vcpus, vm->main_calls, err);
	if (ret == 0 && vm->ended)
		ret = err_set(err, ECANCELED, "the VM has ended");
	if (ret < 0)
		return err_prefix(err, ret, "pause");
	log_write(LOG_INFO, "vm", vm->cfg->id, "paused");
	return 0;
}

int vm_resume(struct vm *vm, struct err *err)
{
	int ret;

	if (!vm_is_paused(vm))
		return 0;
	ret = vcpus_resume(vm->vcpus, err);
	if (ret < 0)
		return err_prefix(err, ret, "resume");
	log_write(LOG_INFO, "vm", vm->cfg->id, "resumed");
	return 0;
}

bool vm_is_paused(const struct vm *vm)
{
	return vcpus_are_paused(vm->vcpus);
}
