// SPDX-License-Identifier: Apache-2.0
/*
 * vcpu.c - the vCPUs of one VM: creation, threads, pause and stop
 *
 * Theory of operation. The main thread gives one order to all vCPUs (run,
 * pause, stop); each vCPU's thread has a state. Both are guarded by one lock,
 * which no one holds while the guest or a handler runs.
 *
 *   IDLE -> RUNNING <-> PARKED        RUNNING or PARKED -> GONE
 *
 * A thread looks at the order in one place only (vcpu_obey()): before it runs at
 * all, and when KVM_RUN has returned EINTR. That is also when nothing is half
 * done: KVM_RUN first completes the guest access that the last exit was about,
 * then looks at immediate_exit. A paused vCPU is therefore between two
 * instructions.
 *
 * To bring a thread there (kick_all()), under the lock: change the order, set
 * immediate_exit in the page shared with the kernel, then send the signal. No
 * kick is lost wherever the signal finds the thread:
 *   - in the guest: it leaves with EINTR;
 *   - before KVM_RUN, or in a handler: the signal handler does nothing, but
 *     immediate_exit makes the next KVM_RUN return EINTR at once;
 *   - inside KVM_RUN after it looked at immediate_exit: a signal is pending,
 *     which KVM looks for with interrupts off before it enters the guest.
 * Only the thread itself clears immediate_exit, under the lock and with the
 * order back at run, so it cannot wipe out a later kick. A signal that comes
 * late costs one EINTR that finds nothing to do.
 *
 * A handler may wait for the main thread, and then its thread parks only when the
 * main thread has done its part. So a pause waits for two descriptors: the one
 * that threads signal when they park or leave, and the one of the calls to the
 * main thread, which it runs as they come (wait_until_still()).
 */
#include "clock.h"
#include "fd.h"
#include "kvm_ioctl.h"
#include "kvm_stats.h"
#include "main_call.h"
#include "util.h"
#include "vcpu_arch.h"
#include "vcpu_internal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

/*
 * Far more than handlers need. With the default of 8 MiB the kernel may back a
 * stack with a 2 MiB huge page, more than all else the monitor uses.
 */
enum { STACK_BYTES = 256 * 1024 };

/* Long enough for calls that wait for a slow backend. */
enum { PAUSE_MS = 10000 };

static int kick_signal(void)
{
	return SIGRTMIN;
}

static int create_one(struct vcpus *vcpus, unsigned index, int vm_fd,
		      struct err *err)
{
	struct vcpu *cpu = &vcpus->cpu[index];
	void *run;
	int ret;

	cpu->fd = ret = kvm_ioctl(vm_fd, KVM_CREATE_VCPU, index, err);
	if (ret < 0) {
		cpu->fd = -1;
		return err_prefix(err, ret, "vCPU %u", index);
	}
	run = mmap(NULL, vcpus->run_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		   cpu->fd, 0);
	if (run == MAP_FAILED)
		return err_errno(err, "vCPU %u: mmap", index);
	cpu->run = run;
	ret = kvm_stats_open(cpu->fd); /* now: see kvm_stats.h */
	cpu->stats_fd = ret < 0 ? -1 : ret;
	return 0;
}

static int create_all(struct vcpus *vcpus, struct err *err)
{
	struct kvm *kvm = vcpus->kvm;
	int fds[VCPUS_MAX], ret;

	vcpus->parked_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (vcpus->parked_fd < 0)
		return err_errno(err, "eventfd");

	ret = kvm_ioctl(kvm_system_fd(kvm), KVM_GET_VCPU_MMAP_SIZE, 0, err);
	if (ret < 0)
		return ret;
	vcpus->run_size = (size_t)ret;
	for (unsigned i = 0; i < vcpus->count; i++) {
		ret = create_one(vcpus, i, kvm_vm_fd(kvm), err);
		if (ret < 0)
			return ret;
		fds[i] = vcpus->cpu[i].fd;
	}
	return vcpu_arch_init_cpus(kvm_system_fd(kvm), fds, vcpus->count, err);
}

int vcpus_create(struct kvm *kvm, unsigned count,
		 const struct vcpu_handlers *handlers, struct vcpus **out,
		 struct err *err)
{
	unsigned max = MIN(VCPUS_MAX, kvm_vcpus_max(kvm));
	struct vcpus *vcpus;
	int ret;

	if (count == 0 || count > max)
		return err_set(err, EINVAL, "%u vCPUs: use 1 to %u", count,
			       max);
	vcpus = calloc(1, sizeof(*vcpus) + count * sizeof(vcpus->cpu[0]));
	if (vcpus == NULL)
		return err_set(err, ENOMEM, "%u vCPUs: out of memory", count);
	vcpus->kvm = kvm;
	vcpus->parked_fd = -1;
	vcpus->handlers = *handlers;
	vcpus->count = count;
	pthread_mutex_init(&vcpus->lock, NULL);
	pthread_cond_init(&vcpus->changed, NULL);
	for (unsigned i = 0; i < count; i++)
		vcpus->cpu[i] = (struct vcpu){
			.all = vcpus,
			.index = i,
			.fd = -1,
			.stats_fd = -1,
			.host_cpu = -1,
		};
	ret = create_all(vcpus, err);
	if (ret < 0) {
		vcpus_destroy(vcpus);
		return ret;
	}
	*out = vcpus;
	return 0;
}

void vcpus_destroy(struct vcpus *vcpus)
{
	if (vcpus == NULL)
		return;
	for (unsigned i = 0; i < vcpus->count; i++) {
		struct vcpu *cpu = &vcpus->cpu[i];

		if (cpu->run != NULL)
			munmap(cpu->run, vcpus->run_size);
		fd_close(&cpu->stats_fd);
		fd_close(&cpu->fd);
	}
	fd_close(&vcpus->parked_fd);
	pthread_cond_destroy(&vcpus->changed);
	pthread_mutex_destroy(&vcpus->lock);
	free(vcpus);
}

int vcpus_set_boot_state(struct vcpus *vcpus, struct guest_memory *mem,
			 const struct boot_entry *entry, struct err *err)
{
	int ret = vcpu_arch_set_boot_state(vcpus->cpu[0].fd, mem, entry, err);

	return ret < 0 ? err_prefix(err, ret, "vCPU 0") : 0;
}

/* With the lock held: the thread no longer runs anything. */
static void set_still(struct vcpu *cpu, enum vcpu_state state)
{
	cpu->state = state;
	if (cpu->all->awaited)
		eventfd_signal(cpu->all->parked_fd);
}

bool vcpu_obey(struct vcpu *cpu)
{
	struct vcpus *vcpus = cpu->all;
	bool go_on;

	pthread_mutex_lock(&vcpus->lock);
	while (vcpus->order == ORDER_PAUSE) {
		if (cpu->state != VCPU_PARKED)
			set_still(cpu, VCPU_PARKED);
		pthread_cond_wait(&vcpus->changed, &vcpus->lock);
	}
	go_on = vcpus->order == ORDER_RUN;
	if (go_on) {
		cpu->state = VCPU_RUNNING;
		__atomic_store_n(&cpu->run->immediate_exit, 0,
				 __ATOMIC_RELAXED);
	}
	pthread_mutex_unlock(&vcpus->lock);
	return go_on;
}

static void *vcpu_thread(void *arg)
{
	struct vcpu *cpu = arg;
	const struct vcpu_handlers *handlers = &cpu->all->handlers;
	enum vcpu_next next;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", cpu->index);
	pthread_setname_np(pthread_self(), name);
	next = vcpu_obey(cpu) ? vcpu_run(cpu) : NEXT_LEAVE;
	if (next != NEXT_LEAVE)
		handlers->ended(handlers->ctx, cpu->index,
				next == NEXT_END_SHUTDOWN ? VCPU_END_SHUTDOWN
							  : VCPU_END_ERROR);
	pthread_mutex_lock(&cpu->all->lock);
	set_still(cpu, VCPU_GONE);
	pthread_mutex_unlock(&cpu->all->lock);
	return NULL;
}

static void kicked(int signo)
{
	(void)signo;
}

/* The signal interrupts KVM_RUN and nothing else; hence no SA_RESTART. */
static int install_kick(struct err *err)
{
	struct sigaction action = { .sa_handler = kicked };

	if (sigaction(kick_signal(), &action, NULL) < 0)
		return err_errno(err, "sigaction");
	return 0;
}

void vcpus_set_affinity(struct vcpus *vcpus, const uint16_t *cpus, unsigned n)
{
	for (unsigned i = 0; i < MIN(n, vcpus->count); i++)
		vcpus->cpu[i].host_cpu = cpus[i];
}

/* Created with the mask of the caller, who has blocked all but the kick. */
static int start_one(struct vcpu *cpu, struct err *err)
{
	pthread_attr_t attr;
	cpu_set_t where;
	int ret;

	cpu->state = VCPU_RUNNING;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	if (cpu->host_cpu >= 0) {
		CPU_ZERO(&where);
		CPU_SET(cpu->host_cpu, &where);
		pthread_attr_setaffinity_np(&attr, sizeof(where), &where);
	}
	ret = pthread_create(&cpu->thread, &attr, vcpu_thread, cpu);
	pthread_attr_destroy(&attr);
	cpu->started = ret == 0;
	if (ret == 0)
		return 0;
	cpu->state = VCPU_IDLE;
	if (ret == EINVAL && cpu->host_cpu >= 0)
		return err_set(err, ret,
			       "vCPU %u: the host has no CPU %d for it",
			       cpu->index, cpu->host_cpu);
	return err_set(err, ret, "thread of vCPU %u: %s", cpu->index,
		       strerror(ret));
}

/* Whatever they were ordered before: run. */
static void release(struct vcpus *vcpus)
{
	pthread_mutex_lock(&vcpus->lock);
	vcpus->order = ORDER_RUN;
	vcpus->awaited = false;
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
}

int vcpus_start(struct vcpus *vcpus, struct err *err)
{
	sigset_t all_but_kick, before;
	int ret = install_kick(err);

	if (ret < 0)
		return ret;
	sigfillset(&all_but_kick);
	sigdelset(&all_but_kick, kick_signal());
	pthread_sigmask(SIG_SETMASK, &all_but_kick, &before);
	/* One that ran might wait for the main thread, and could not be stopped. */
	vcpus->order = ORDER_PAUSE;
	for (unsigned i = 0; i < vcpus->count && ret == 0; i++)
		ret = start_one(&vcpus->cpu[i], err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret < 0)
		vcpus_stop(vcpus);
	else
		release(vcpus);
	return ret;
}

/* With the lock held. */
static void kick_all(struct vcpus *vcpus)
{
	for (unsigned i = 0; i < vcpus->count; i++) {
		struct vcpu *cpu = &vcpus->cpu[i];

		if (cpu->state != VCPU_RUNNING)
			continue;
		__atomic_store_n(&cpu->run->immediate_exit, 1,
				 __ATOMIC_RELEASE);
		pthread_kill(cpu->thread, kick_signal());
	}
}

/* The first that runs, or NULL. */
static const struct vcpu *find_running(struct vcpus *vcpus)
{
	const struct vcpu *found = NULL;

	pthread_mutex_lock(&vcpus->lock);
	for (unsigned i = 0; i < vcpus->count && found == NULL; i++) {
		if (vcpus->cpu[i].state == VCPU_RUNNING)
			found = &vcpus->cpu[i];
	}
	pthread_mutex_unlock(&vcpus->lock);
	return found;
}

/*
 * A handler waits for the main thread, which is here: so its call is run here,
 * and the handler comes to its end. Nothing is half done on this thread
 * meanwhile, since nobody pauses from within a call.
 */
static int wait_until_still(struct vcpus *vcpus, struct main_call *calls,
			    struct err *err)
{
	struct pollfd fds[] = {
		{ .fd = vcpus->parked_fd, .events = POLLIN },
		{ .fd = calls != NULL ? main_call_fd(calls) : -1,
		  .events = POLLIN },
	};
	int64_t deadline = (int64_t)clock_now_ms() + PAUSE_MS, left;
	const struct vcpu *running;

	while ((running = find_running(vcpus)) != NULL) {
		left = deadline - (int64_t)clock_now_ms();
		if (left <= 0)
			return err_set(err, ETIMEDOUT,
				       "vCPU %u does not stop within %d s: the "
				       "host is too busy, or the memory it "
				       "waits for does not come",
				       running->index, PAUSE_MS / 1000);
		if (poll(fds, ARRAY_LEN(fds), (int)left) <= 0)
			continue;
		if (fds[0].revents != 0)
			eventfd_drain(vcpus->parked_fd);
		if (fds[1].revents != 0)
			main_call_run_next(calls);
	}
	return 0;
}

static void order_pause(struct vcpus *vcpus)
{
	pthread_mutex_lock(&vcpus->lock);
	vcpus->order = ORDER_PAUSE;
	vcpus->awaited = true;
	kick_all(vcpus);
	pthread_mutex_unlock(&vcpus->lock);
}

int vcpus_pause(struct vcpus *vcpus, struct main_call *calls, struct err *err)
{
	int ret;

	if (vcpus->paused)
		return 0;
	order_pause(vcpus);
	ret = wait_until_still(vcpus, calls, err);
	if (ret == 0)
		ret = vcpu_arch_stop_clocks(kvm_vm_fd(vcpus->kvm),
					    &vcpus->clock, err);
	if (ret < 0)
		release(vcpus);
	vcpus->paused = ret == 0;
	return ret;
}

int vcpus_resume(struct vcpus *vcpus, struct err *err)
{
	int fds[VCPUS_MAX], ret;

	if (!vcpus->paused)
		return 0;
	for (unsigned i = 0; i < vcpus->count; i++)
		fds[i] = vcpus->cpu[i].fd;
	ret = vcpu_arch_start_clocks(kvm_vm_fd(vcpus->kvm), fds, vcpus->count,
				     &vcpus->clock, err);
	if (ret < 0)
		return ret;
	vcpus->paused = false;
	release(vcpus);
	return 0;
}

bool vcpus_are_paused(const struct vcpus *vcpus)
{
	return vcpus->paused;
}

void vcpus_stop(struct vcpus *vcpus)
{
	pthread_mutex_lock(&vcpus->lock);
	vcpus->order = ORDER_STOP;
	kick_all(vcpus);
	pthread_cond_broadcast(&vcpus->changed);
	pthread_mutex_unlock(&vcpus->lock);
	for (unsigned i = 0; i < vcpus->count; i++) {
		if (vcpus->cpu[i].started)
			pthread_join(vcpus->cpu[i].thread, NULL);
		vcpus->cpu[i].started = false;
	}
}
