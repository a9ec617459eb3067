// SPDX-License-Identifier: Apache-2.0
/*
 * test_options.c - the command line of mote run, and what vm_config refuses
 */
#include "unit.h"
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 20 };

#define NAME_54 "socket-with-a-name-that-is-fifty-four-bytes-long.sock0"

/* Parse a line of words, then check it: what `mote run` does with argv. */
static int parse_line(const char *line, struct vm_config *cfg, struct err *err)
{
	static char text[512];
	char *argv[WORDS_MAX + 2] = { "run" }, *rest = text, *word;
	bool help = false;
	int argc = 1, ret;

	snprintf(text, sizeof(text), "%s", line);
	while ((word = strsep(&rest, " ")) != NULL && argc <= WORDS_MAX)
		argv[argc++] = word;
	optind = 0;
	vm_config_init(cfg);
	err->text[0] = '\0';
	ret = options_parse(argc, argv, cfg, &help, err);
	return ret < 0 ? ret : vm_config_check(cfg, err);
}

/* Each row: a line that is refused, and what its message must name. */
static const struct {
	const char *line, *message;
} refused[] = {
	{ "--cpus 1", "--kernel" },
	{ "--kernel k --cpus 0", "1 to 64" },
	{ "--kernel k --cpus 65", "1 to 64" },
	{ "--kernel k --cpus x", "--cpus: 'x'" },
	{ "--kernel k --memory 8M", "16M" },
	{ "--kernel k --memory 17M", "multiple of 2M" },
	{ "--kernel k --memory lots", "--memory: 'lots'" },
	{ "--kernel k --memory 1G,sharing=private --console stdio",
	  "console console0" },
	{ "--kernel k --memory 1G,sharing=private --console none --disk d",
	  "disk0" },
	{ "--kernel k --memory 1G,mergeable=on --console pty,id=c",
	  "console c" },
	{ "--kernel k --memory 1G,mergeable=on --console none --hugepages 2M",
	  "--hugepages" },
	{ "--kernel k --memory 1G,sharing=shared,mergeable=on --console none",
	  "sharing=shared" },
	{ "--kernel k --memory 1G,sharing=never", "'never'" },
	{ "--kernel k --memory 1G,mergeable=maybe", "'maybe'" },
	{ "--kernel k --memory 1G,mergeable=on --console none --disk d",
	  "disk0" },
	{ "--kernel k --memory 1G,mergeable --console none "
	  "--vhost-user blk,socket=s,id=far",
	  "far" },
	{ "--kernel k --pmem i,ro=off", "--pmem: ro=off" },
	{ "--kernel k --pmem ,ro", "--pmem: expected the path" },
	{ "--kernel k --pmem i,rw", "unknown key 'rw'" },
	{ "--kernel k --pmem i,id=a --pmem d,id=a", "'a' is used twice" },
	{ "--kernel k --pmem i,id=root --platform cmdline", "pmem root: " },
	{ "--kernel k --pmem=i --pmem=i --pmem=i --pmem=i --pmem=i --pmem=i "
	  "--pmem=i --pmem=i --pmem=i",
	  "--pmem: at most 8" },
	{ "--kernel k --disk d,id=a --disk e,id=a", "'a' is used twice" },
	{ "--kernel k --disk d,ro,ro", "ro is given twice" },
	{ "--kernel k --disk d,size=1G", "unknown key 'size'" },
	{ "--kernel k --disk ,ro", "path of an image" },
	{ "--kernel k --disk d,queues=65", "disk0: 65 queues" },
	{ "--kernel k --disk d,id=a/b", "a/b" },
	{ "--kernel k --vhost-user fs", "socket=PATH" },
	{ "--kernel k --vhost-user fs,socket", "socket: expected a value" },
	{ "--kernel k --vhost-user fs,socket=s,queue-size=100",
	  "power of two" },
	{ "--kernel k --vhost-user net,socket=s,mac=01:00:00:00:00:00",
	  "unicast" },
	{ "--kernel k --vhost-user net,socket=s,tag=t", "only fs" },
	{ "--kernel k --vhost-user fs,socket=s,mac=02:00:00:00:00:00",
	  "only net" },
	{ "--kernel k --net x", "unknown key 'x'" },
	{ "--kernel k --net mtu=1500", "one of tap=NAME" },
	{ "--kernel k --net tap=a,macvtap=b", "one of tap=NAME" },
	{ "--kernel k --net tap=a,tapfd=3", "one of tap=NAME" },
	{ "--kernel k --net tap=", "tap: expected a value" },
	{ "--kernel k --net tapfd=-1", "tapfd: '-1'" },
	{ "--kernel k --net tap=a,vhostfd=4", "goes with tapfd" },
	{ "--kernel k --net tapfd=4,vhostfd=4", "same descriptor" },
	{ "--kernel k --net tap=a,mtu=67", "mtu: '67'" },
	{ "--kernel k --net tap=a,mtu=65536", "mtu: '65536'" },
	{ "--kernel k --net tap=a,mac=03:00:00:00:00:00", "unicast" },
	{ "--kernel k --net tap=a,mac=00:00:00:00:00:00", "unicast" },
	{ "--kernel k --net tap=a,mac=02:00:00:00:00:-1", "unicast" },
	{ "--kernel k --net tap=a,mac=02:00:00:00:00:1", "unicast" },
	{ "--kernel k --net tap=a,mac=02:00:00:00:00:0g", "unicast" },
	{ "--kernel k --net tap=a,mac=02:00:00:00:00:010", "unicast" },
	{ "--kernel k --net tap=a,queue-size=3", "power of two" },
	{ "--kernel k --net tap=a,queues=2", "net0: 2 queues: one pair" },
	{ "--kernel k --net tap=a --net tap=a", "net0 and net net1" },
	{ "--kernel k --net tapfd=3 --net tapfd=4,vhostfd=3", "net1" },
	{ "--kernel k --net tap=a,id=x --net tap=b,id=x", "'x' is used twice" },
	{ "--kernel k --vsock id=v", "expected uds=PATH or cid=N" },
	{ "--kernel k --vsock cid=2", "vsock vsock0: cid 2: use 3 to" },
	{ "--kernel k --vsock cid=4294967295", "cid 4294967295: use 3 to" },
	{ "--kernel k --vsock uds=v,cid=4294967296", "cid: '4294967296'" },
	{ "--kernel k --vsock uds=", "uds" },
	{ "--kernel k --vsock uds=" NAME_54 NAME_54,
	  "vsock vsock0: socket 'socket-with" },
	{ "--kernel k --vsock uds=v --memory 64M,sharing=private",
	  "device vsock0 is a vhost-user device" },
	{ "--kernel k --vsock cid=3 --vsock cid=4", "can have one" },
	{ "--kernel k --scsi tpgt=1", "expected wwpn" },
	{ "--kernel k --scsi wwpn=naa.1,tpgt=65536", "tpgt: '65536'" },
	{ "--kernel k --scsi wwpn=naa.1,queues=129", "scsi0: 129 queues" },
	{ "--kernel k --console tty", "'tty'" },
	{ "--kernel k --console file=", "'file='" },
	{ "--kernel k --console stdio --console stdio", "only one" },
	{ "--kernel k --load fast", "'fast'" },
	{ "--kernel k --platform pci", "'pci'" },
	{ "--kernel k --hugepages 1G", "'1G'" },
	{ "--kernel k --log-level loud", "'loud'" },
	{ "--kernel", "--kernel needs a value" },
	{ "--kernel k --kernels", "--kernels" },
	{ "--kernel k stray", "'stray'" },
};

START_TEST(a_wrong_line_is_refused_by_name)
{
	struct vm_config cfg;
	struct err err;

	ck_assert_int_lt(parse_line(refused[_i].line, &cfg, &err), 0);
	ck_assert_msg(strstr(err.text, refused[_i].message) != NULL,
		      "'%s' -> '%s'", refused[_i].line, err.text);
}
END_TEST

START_TEST(a_minimal_line_gets_the_documented_defaults)
{
	struct vm_config cfg;
	struct err err;

	ck_assert_int_eq(parse_line("--kernel vmlinux", &cfg, &err), 0);
	ck_assert_str_eq(cfg.kernel, "vmlinux");
	ck_assert_ptr_null(cfg.initrd);
	ck_assert_uint_eq(cfg.cpus, 1);
	ck_assert_uint_eq(cfg.memory, 128 * MIB);
	ck_assert_uint_eq(cfg.console_count, 1);
	ck_assert_int_eq(cfg.consoles[0].kind, CONSOLE_STDIO);
	ck_assert(vm_config_is_shared(&cfg));
}
END_TEST

START_TEST(memory_is_private_without_vhost_user_devices)
{
	struct vm_config cfg;
	struct err err;

	ck_assert_int_eq(parse_line("--kernel k --console none --memory "
				    "64M,mergeable=on",
				    &cfg, &err),
			 0);
	ck_assert(!vm_config_is_shared(&cfg));
	ck_assert(vm_config_is_mergeable(&cfg, false));
}
END_TEST

/* Is memory offered to KSM, by what was asked and what was inherited? */
static const struct {
	const char *line;
	bool plainly, inherited;
} merged[] = {
	{ "--kernel k --console none", false, true },
	{ "--kernel k --console none --memory 1G,mergeable=auto", false, true },
	{ "--kernel k --console none --memory 1G,mergeable=on", true, true },
	{ "--kernel k --console none --memory 1G,mergeable=off", false, false },
	{ "--kernel k --console none --hugepages 2M", false, false },
	{ "--kernel k --console none --memory 1G,sharing=shared", false,
	  false },
	{ "--kernel k", false, false },
	{ "--kernel k --console none --pmem i", false, true },
};

START_TEST(private_memory_is_mergeable_when_asked_or_inherited)
{
	struct vm_config cfg;
	struct err err;

	ck_assert_int_eq(parse_line(merged[_i].line, &cfg, &err), 0);
	ck_assert_msg(vm_config_is_mergeable(&cfg, false) ==
				      merged[_i].plainly &&
			      vm_config_is_mergeable(&cfg, true) ==
				      merged[_i].inherited,
		      "%s", merged[_i].line);
}
END_TEST

START_TEST(images_are_named_in_their_order)
{
	struct vm_config cfg;
	struct err err;

	ck_assert_int_eq(parse_line("--kernel k --console none --pmem a.img "
				    "--pmem b.img,ro,id=root --pmem c.img",
				    &cfg, &err),
			 0);
	ck_assert_uint_eq(cfg.pmem_count, 3);
	ck_assert_str_eq(cfg.pmem[0].id, "pmem0");
	ck_assert_str_eq(cfg.pmem[1].id, "root");
	ck_assert_str_eq(cfg.pmem[1].path, "b.img");
	ck_assert_str_eq(cfg.pmem[2].id, "pmem2");
	ck_assert(!vm_config_is_shared(&cfg));
}
END_TEST

START_TEST(private_memory_that_was_asked_for_has_no_console)
{
	static const char *const lines[] = {
		"--kernel k --memory 64M,sharing=private --net tap=t",
		"--kernel k --vsock cid=3 --memory 64M,mergeable=on",
	};
	struct vm_config cfg;
	struct err err;

	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		ck_assert_int_eq(parse_line(lines[i], &cfg, &err), 0);
		ck_assert_uint_eq(cfg.console_count, 0);
		ck_assert(!vm_config_is_shared(&cfg));
	}
	ck_assert_int_eq(parse_line("--kernel k --net tap=t", &cfg, &err), 0);
	ck_assert_uint_eq(cfg.console_count, 1);
	ck_assert(vm_config_is_shared(&cfg));
}
END_TEST

/* Each row: options where 50 was passed and 51 was not; NULL: all is well. */
static const struct {
	const char *net, *message;
} passed[] = {
	{ "--net tapfd=50", NULL },
	{ "--net tap=t --net tapfd=50", NULL },
	{ "--net tapfd=2", "net net0: tapfd=2 is standard" },
	{ "--net tapfd=51", "net net0: tapfd=51 is not open" },
	{ "--net tap=t --net tapfd=50,vhostfd=0,id=n",
	  "net n: vhostfd=0 is standard" },
	{ "--net tapfd=50,vhostfd=51", "net net0: vhostfd=51 is not open" },
};

START_TEST(descriptors_have_to_be_passed)
{
	char line[128];
	struct vm_config cfg;
	struct err err;
	int ret;

	ck_assert_int_eq(dup2(STDERR_FILENO, 50), 50);
	close(51);
	snprintf(line, sizeof(line), "--kernel k %s", passed[_i].net);
	ck_assert_int_eq(parse_line(line, &cfg, &err), 0);
	ret = vm_config_check_fds(&cfg, &err);
	if (passed[_i].message == NULL)
		ck_assert_msg(ret == 0, "%s", err.text);
	else
		ck_assert_msg(ret < 0 && strstr(err.text, passed[_i].message),
			      "%s", err.text);
	close(50);
}
END_TEST

START_TEST(every_part_of_a_kernel_device_arrives)
{
	struct vm_config cfg;
	struct err err;

	ck_assert_int_eq(
		parse_line(
			"--kernel k --cpus 3 "
			"--net tap=t0,mac=02:00:00:00:00:07,mtu=9000,"
			"queues=1,queue-size=512 "
			"--net macvtap=m0,id=m --net tapfd=0,vhostfd=9 "
			"--vsock cid=4294967294 "
			"--scsi wwpn=naa.1 --scsi wwpn=naa.2,tpgt=0,queues=2",
			&cfg, &err),
		0);
	ck_assert_uint_eq(cfg.net_count, 3);
	ck_assert_str_eq(cfg.nets[0].id, "net0");
	ck_assert_str_eq(cfg.nets[0].tap, "t0");
	ck_assert(cfg.nets[0].mac.given && cfg.nets[0].mac.addr[5] == 7);
	ck_assert_uint_eq(cfg.nets[0].mtu, 9000);
	ck_assert_uint_eq(cfg.nets[0].queue_size, 512);
	ck_assert_int_eq(cfg.nets[0].tap_fd, -1);
	ck_assert_str_eq(cfg.nets[1].id, "m");
	ck_assert_str_eq(cfg.nets[1].macvtap, "m0");
	ck_assert(!cfg.nets[1].mac.given);
	ck_assert_str_eq(cfg.nets[2].id, "net2");
	ck_assert_int_eq(cfg.nets[2].tap_fd, 0);
	ck_assert_int_eq(cfg.nets[2].vhost_fd, 9);
	ck_assert_uint_eq(cfg.vsocks[0].cid, UINT32_MAX - 1);
	ck_assert_ptr_null(cfg.vsocks[0].uds_path);
	ck_assert_str_eq(cfg.scsis[0].wwpn, "naa.1");
	ck_assert_uint_eq(cfg.scsis[0].tpgt, 1);
	ck_assert_uint_eq(cfg.scsis[0].queues, 3);
	ck_assert_uint_eq(cfg.scsis[1].tpgt, 0);
	ck_assert_uint_eq(cfg.scsis[1].queues, 2);
}
END_TEST

START_TEST(sockets_on_unix_sockets_can_have_any_address)
{
	struct vm_config cfg;
	struct err err;

	ck_assert_int_eq(parse_line("--kernel k --console none "
				    "--vsock uds=v.sock",
				    &cfg, &err),
			 0);
	ck_assert_str_eq(cfg.vsocks[0].uds_path, "v.sock");
	ck_assert_uint_eq(cfg.vsocks[0].cid, 3);
	ck_assert_int_eq(cfg.vsocks[0].listen_fd, -1);
	ck_assert(vm_config_is_shared(&cfg));
	ck_assert_int_eq(parse_line("--kernel k --vsock cid=0,uds=v,id=v", &cfg,
				    &err),
			 0);
	ck_assert_uint_eq(cfg.vsocks[0].cid, 0);
	ck_assert_str_eq(cfg.vsocks[0].id, "v");
}
END_TEST

START_TEST(every_part_of_a_device_option_arrives)
{
	struct vm_config cfg;
	struct err err;

	ck_assert_int_eq(parse_line("--kernel k --cpus 4 "
				    "--disk a.img,ro,direct,queues=2,id=root "
				    "--disk b.img "
				    "--vhost-user net,socket=/s,listen,"
				    "mac=02:00:00:00:0a:ff,queue-size=512",
				    &cfg, &err),
			 0);
	ck_assert_str_eq(cfg.disks[0].id, "root");
	ck_assert_str_eq(cfg.disks[0].path, "a.img");
	ck_assert(cfg.disks[0].read_only && cfg.disks[0].direct);
	ck_assert_uint_eq(cfg.disks[0].queues, 2);
	ck_assert_str_eq(cfg.disks[1].id, "disk1");
	ck_assert(!cfg.disks[1].read_only);
	ck_assert_uint_eq(cfg.disks[1].queues, 4);
	ck_assert_str_eq(cfg.vhost_user[0].type, "net");
	ck_assert_str_eq(cfg.vhost_user[0].socket, "/s");
	ck_assert(cfg.vhost_user[0].listen);
	ck_assert_uint_eq(cfg.vhost_user[0].mac.addr[5], 0xff);
	ck_assert_uint_eq(cfg.vhost_user[0].queue_size, 512);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("options");
	TCase *tc = tcase_create("options");

	tcase_add_loop_test(tc, a_wrong_line_is_refused_by_name, 0,
			    ARRAY_LEN(refused));
	tcase_add_test(tc, a_minimal_line_gets_the_documented_defaults);
	tcase_add_test(tc, memory_is_private_without_vhost_user_devices);
	tcase_add_test(tc, private_memory_that_was_asked_for_has_no_console);
	tcase_add_test(tc, every_part_of_a_kernel_device_arrives);
	tcase_add_loop_test(tc, descriptors_have_to_be_passed, 0,
			    ARRAY_LEN(passed));
	tcase_add_test(tc, sockets_on_unix_sockets_can_have_any_address);
	tcase_add_test(tc, every_part_of_a_device_option_arrives);
	tcase_add_test(tc, images_are_named_in_their_order);
	tcase_add_loop_test(tc,
			    private_memory_is_mergeable_when_asked_or_inherited,
			    0, ARRAY_LEN(merged));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
