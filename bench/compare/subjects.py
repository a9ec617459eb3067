# SPDX-License-Identifier: Apache-2.0
"""subjects.py - what is compared: mote, QEMU's microvm, a container.

Each builds the command of its Nth instance from a Guest: the same kernel,
initramfs, image, memory size and kernel command line for both monitors.
"""
import ctypes
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass

TRACE = "/sys/kernel/tracing"
MARK_PORT = 0xE4        # guest_mark.c
START_SECONDS = 300
END_SECONDS = 30
PR_SET_PDEATHSIG = 1

# retain_initrd: what the kernel frees it first fills with poison, which would
# turn the shared pages of the initramfs into each guest's own. The rest makes
# fewer slab objects, whose pages never merge: tracefs of Linux 6.1 has an inode for
# each file of each trace point, sysfs a node for each number about each slab cache.
CMDLINE_BASE = ("panic=-1 quiet cryptomgr.notests retain_initrd "
                "initcall_blacklist=tracer_init_tracefs,slab_sysfs_init")
# Not with persistent memory: nd_btt does not load without debugfs, nor nd_pmem
# without nd_btt.
CMDLINE_IDLE = CMDLINE_BASE + " debugfs=off"


@dataclass
class Guest:
    """What both monitors boot, and where the container finds the same."""
    kernel: str
    initrd: str
    root: str           # directory for the container
    image: str = ""     # the Debian image; "" is the idle busybox
    memory: int = 128   # MiB
    cmdline: str = CMDLINE_BASE
    mote: str = "mote"
    mote_memory: str = "mergeable=on"
    mote_extra: tuple = ()
    mote_root: str = "pmem"     # or disk: then memory is shared
    qemu: str = "qemu-system-x86_64"


def die_with_parent(end_signal):
    """In the child: nobody is left behind, not even by SIGKILL."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, end_signal)
    os.setsid()


class Marks:
    """Hears the marks of guests that are up, in a trace buffer of its own."""

    def __init__(self):
        if not os.path.exists(TRACE + "/trace"):
            subprocess.run(["mount", "-t", "tracefs", "tracefs", TRACE], check=True)
        self.dir = f"{TRACE}/instances/mote-bench-{os.getpid()}"
        os.mkdir(self.dir)
        for path, text in (("buffer_size_kb", "16"), ("trace_clock", "mono"),
                           ("events/kvm/kvm_pio/filter", f"port == {MARK_PORT}"),
                           ("events/kvm/kvm_pio/enable", "1")):
            with open(f"{self.dir}/{path}", "w", encoding="ascii") as f:
                f.write(text)

    def heard(self, pid):
        """Whether a thread of this process has made its mark."""
        try:
            tasks = os.listdir(f"/proc/{pid}/task")
        except FileNotFoundError:
            return False
        with open(f"{self.dir}/trace", encoding="ascii", errors="replace") as f:
            seen = [line.split("[")[0].rstrip().rsplit("-", 1)[-1]
                    for line in f if "kvm_pio" in line]
        return any(task in seen for task in tasks)

    def close(self):
        os.rmdir(self.dir)


def mount_image(guest):
    """Once for all containers, which then share its pages; ends with this namespace."""
    if guest.image:
        subprocess.run(["modprobe", "-a", "loop", "erofs"], check=False)
        subprocess.run(["mount", "-t", "erofs", "-o", "ro,loop", guest.image, guest.root],
                       check=True)


class Instance:
    """One running VM or container; end_signal asks it to end."""

    def __init__(self, command, env=None, end_signal=signal.SIGTERM):
        self.end_signal = end_signal
        self.output = tempfile.TemporaryFile()
        self.started = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.output,
                                        stderr=self.output, env=env,
                                        preexec_fn=lambda: die_with_parent(end_signal))
        self.pid = self.process.pid

    def wait(self, is_up, what):
        """Seconds from exec until it was up."""
        while not is_up(self.pid):
            late = time.monotonic() - self.started > START_SECONDS
            if late or self.process.poll() is not None:
                why = "is not up" if late else f"ended with status {self.process.returncode}"
                raise SystemExit(f"{what} {why}: {self.said()}")
            time.sleep(0.02)
        return time.monotonic() - self.started

    def said(self):
        self.output.seek(0)
        return self.output.read().decode(errors="replace")[-2000:].strip() or "(no output)"

    def ask_to_end(self):
        if self.process.poll() is None:
            self.process.send_signal(self.end_signal)

    def end(self):
        self.ask_to_end()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()


class Subject:
    """Starts instances, keeps them, ends them all."""
    name = ""
    end_signal = signal.SIGTERM

    def __init__(self, guest, marks):
        self.guest, self.marks, self.running = guest, marks, []

    def command(self, index):
        raise NotImplementedError

    def env(self):
        return None

    def is_up(self, pid):
        return self.marks.heard(pid)

    def start(self):
        instance = Instance(self.command(len(self.running)), self.env(), self.end_signal)
        self.running.append(instance)
        return instance.wait(self.is_up, f"{self.name} number {len(self.running)}")

    def pids(self):
        return [instance.pid for instance in self.running]

    def end(self):
        for instance in self.running:
            instance.ask_to_end()
        for instance in self.running:
            instance.end()
        self.running = []


class Mote(Subject):
    name = "mote"

    def command(self, index):
        g = self.guest
        cmdline = g.cmdline
        command = [g.mote, "run", "--kernel", g.kernel, "--initrd", g.initrd, "--console", "none",
                   "--memory", f"{g.memory}M,{g.mote_memory}".rstrip(","), *g.mote_extra]
        if g.image:
            command += ["--" + g.mote_root, f"{g.image},ro"]
            cmdline += " bench.root=/dev/" + {"pmem": "pmem0", "disk": "vda"}[g.mote_root]
        return command + ["--cmdline", cmdline]


class Qemu(Subject):
    name = "qemu"

    def command(self, index):
        g = self.guest
        cmdline = g.cmdline
        command = [g.qemu, "-M",
                   "microvm,accel=kvm,x-option-roms=off,isa-serial=off,rtc=off,pic=off,pit=off",
                   "-cpu", "host,-arch-capabilities", "-nodefaults", "-no-user-config",
                   "-display", "none", "-no-reboot", "-m", str(g.memory), "-smp", "1",
                   "-global", "virtio-mmio.force-legacy=false",
                   "-kernel", g.kernel, "-initrd", g.initrd]
        if g.image:
            command += ["-drive", f"if=none,id=d,format=raw,readonly=on,file={g.image}",
                        "-device", "virtio-blk-device,drive=d"]
            cmdline += " bench.root=/dev/vda"
        return command + ["-append", cmdline]


# A container by hand: namespaces, the root file system read-only, memory where it
# writes. pivot_root and not chroot alone, so that the old root can be let go,
# which what is started does.
CONTAINER = """
set -e
mount --make-rprivate /
mount --bind -o ro "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t tmpfs -o mode=755 tmpfs dev
for node in null zero urandom; do
    touch dev/$node
    mount --bind /dev/$node dev/$node
done
mount -t tmpfs -o mode=755 tmpfs run
ip link set lo up
mkdir run/old
pivot_root . run/old
cd /
exec "$2"
"""


class Container(Subject):
    name = "container"
    end_signal = signal.SIGKILL     # unshare --fork is deaf to others; --kill-child

    def command(self, index):
        start = "/bench/start" if self.guest.image else "/init"
        return ["unshare", "--mount", "--uts", "--ipc", "--net", "--pid", "--fork", "--kill-child",
                "sh", "-c", CONTAINER, "container", self.guest.root, start]

    def env(self):
        return {"CONTAINER": "1", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}

    def is_up(self, pid):
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
                children = f.read().split()
        except FileNotFoundError:
            return False
        return any(os.path.exists(f"/proc/{child}/root/run/ready") for child in children)


SUBJECTS = {kind.name: kind for kind in (Mote, Qemu, Container)}
