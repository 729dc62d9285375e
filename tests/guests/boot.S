/* SPDX-License-Identifier: GPL-3.0-or-later */

/* Entered by a multiboot loader (QEMU's -kernel): 32 bits, flat, paging off. */

	.section .multiboot, "a"
	.align 4
	.long 0x1badb002		/* magic */
	.long 3				/* pages aligned, memory map wanted */
	.long -(0x1badb002 + 3)		/* the three add up to zero */

	.text
	.globl _start
_start:
	cli
	cld
	mov	$stack_top, %esp
	lgdt	gdt_pointer
	ljmp	$8, $1f
1:	mov	$16, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	call	guest_main
2:	hlt
	jmp	2b

/* Every interrupt only ends the halt; the program looks for itself what has happened. */
	.globl interrupt_stub
interrupt_stub:
	push	%eax
	mov	$0x20, %al
	out	%al, $0x20
	pop	%eax
	iret

	.section .rodata
	.align 8
gdt:
	.quad	0
	.quad	0x00cf9a000000ffff	/* 8: code */
	.quad	0x00cf92000000ffff	/* 16: data */
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt

	.bss
	.align 16
	.skip	16384
stack_top:
