// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A plugin for QEMU's emulated processor (TCG): how many instructions the guest has executed when
 * its kernel begins, and at each mark that it sets with mark.c.
 *
 *	-plugin FILE.so,out=FILE
 *
 * writes one line each to that file: "kernel COUNT" and "mark NUMBER COUNT". Debian's packages of
 * QEMU have no qemu-plugin.h, so the few functions that are called are declared here, as version 7
 * of the interface has them (QEMU 11.1, docs/devel/tcg-plugins.rst); QEMU refuses any other
 * version than it knows.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_plugin_scoreboard;
typedef struct {
	struct qemu_plugin_scoreboard *score;
	size_t offset; // cppcheck-suppress unusedStructMember ; QEMU's to use
} qemu_plugin_u64;
enum { QEMU_PLUGIN_INLINE_ADD_U64 };
enum { QEMU_PLUGIN_CB_NO_REGS };

void qemu_plugin_register_vcpu_tb_trans_cb(
	uint64_t id, void (*cb)(struct qemu_plugin_tb *tb, void *userdata), void *userdata);
void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(struct qemu_plugin_tb *tb, int op,
						       qemu_plugin_u64 entry, uint64_t imm);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn,
					    void (*cb)(unsigned int vcpu, void *userdata),
					    int flags, void *userdata);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t idx);
size_t qemu_plugin_insn_data(const struct qemu_plugin_insn *insn, void *dest, size_t len);
struct qemu_plugin_scoreboard *qemu_plugin_scoreboard_new(size_t element_size);
uint64_t qemu_plugin_u64_sum(qemu_plugin_u64 entry);

EXPORT int qemu_plugin_version = 7;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv);

/* Where a 64-bit Linux is; the firmware and the unpacking of the kernel are far below. */
static const uint64_t KERNEL_BEGIN = 0xffffffff80000000;

/* "nopl DISP32(%rax,%rax,1)" with DISP32 = 0x4c414200 + NUMBER: mark.c has it too. */
static const uint8_t MARK[] = { 0x0f, 0x1f, 0x84, 0x00 };
static const uint8_t MARK_WORD[] = { 'B', 'A', 'L' };

static FILE *out;
static qemu_plugin_u64 executed;
static bool kernel_seen;

static void mark(unsigned int vcpu, void *userdata)
{
	(void)vcpu;
	fprintf(out, "mark %zu %llu\n", (size_t)userdata,
		(unsigned long long)qemu_plugin_u64_sum(executed));
	fflush(out);
}

static void translated(struct qemu_plugin_tb *tb, void *userdata)
{
	size_t count = qemu_plugin_tb_n_insns(tb);
	uint8_t bytes[8];

	(void)userdata;
	/* What is translated is executed next. */
	if (!kernel_seen && qemu_plugin_tb_vaddr(tb) >= KERNEL_BEGIN) {
		kernel_seen = true;
		fprintf(out, "kernel %llu\n",
			(unsigned long long)qemu_plugin_u64_sum(executed));
	}
	/* A block at a time, which is much faster than each instruction by itself. One that ends
	 * early, in a page fault say, counts as a whole: a few instructions too many. */
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64,
							  executed, count);
	for (size_t i = 0; i < count; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

		if (qemu_plugin_insn_data(insn, bytes, sizeof(bytes)) == sizeof(bytes) &&
		    memcmp(bytes, MARK, sizeof(MARK)) == 0 &&
		    memcmp(bytes + 5, MARK_WORD, sizeof(MARK_WORD)) == 0)
			qemu_plugin_register_vcpu_insn_exec_cb(
				insn, mark, QEMU_PLUGIN_CB_NO_REGS, (void *)(size_t)bytes[4]);
	}
}

EXPORT int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4) != 0)
		return -1;
	out = fopen(argv[0] + 4, "w");
	if (out == NULL)
		return -1;
	executed.score = qemu_plugin_scoreboard_new(sizeof(uint64_t));
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated, NULL);
	return 0;
}
