// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mark NUMBER (0 to 9): executes an instruction that does nothing, and by which insn-count.c knows
 * that the guest is here. Without libc, so that it starts in any initramfs and costs next to nothing.
 */
#define MARK(number)                                                                           \
	case '0' + (number):                                                                   \
		__asm__ volatile(".byte 0x0f,0x1f,0x84,0x00," #number ",'B','A','L'");         \
		break

__attribute__((used)) static void run(const long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);

	switch (*stack == 2 ? *argv[1] : 0) {
		MARK(0);
		MARK(1);
		MARK(2);
		MARK(3);
		MARK(4);
		MARK(5);
		MARK(6);
		MARK(7);
		MARK(8);
		MARK(9);
	}
	__asm__ volatile("syscall" ::"a"(60), "D"(0));
}

/* The stack as the kernel leaves it: argc, then argv. */
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tcall run\n");
