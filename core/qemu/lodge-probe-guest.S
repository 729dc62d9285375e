/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The guest that tells a KVM that works from one that only answers: a multiboot program of a few dozen
 * instructions that does what every kernel does first - protected mode, a page table, long mode - asks CPUID,
 * writes a word to the debug console and ends QEMU through isa-debug-exit. A false KVM gets through the firmware
 * and stops in the change of modes.
 *
 * It is data of this program, so the section is not executable and all addresses are those in the guest.
 */
#define BASE 0x100000
#define TABLES 0x200000
#define AT(label) (BASE + (label) - lodge_probe_guest)

        .section .rodata
        .balign 16
        .globl lodge_probe_guest
        .globl lodge_probe_guest_end
        .hidden lodge_probe_guest
        .hidden lodge_probe_guest_end
lodge_probe_guest:
        /* Multiboot 1 header with explicit addresses (flag 16): this is no ELF file. */
        .long 0x1badb002, 0x00010000, -(0x1badb002 + 0x00010000)
        .long BASE, BASE, 0, 0
        .long AT (start)

        .code32
start:
        cli
        cld
        /* One 2 MiB page, the first, and the levels above it. */
        movl $TABLES, %edi
        xorl %eax, %eax
        movl $(3 * 1024), %ecx
        rep stosl
        movl $(TABLES + 0x1003), TABLES
        movl $(TABLES + 0x2003), TABLES + 0x1000
        movl $0x83, TABLES + 0x2000
        movl $TABLES, %eax
        movl %eax, %cr3
        movl %cr4, %eax
        orl $0x20, %eax                 /* PAE */
        movl %eax, %cr4
        movl $0xc0000080, %ecx          /* EFER: long mode */
        rdmsr
        orl $0x100, %eax
        wrmsr
        lgdt AT (gdt_pointer)
        movl %cr0, %eax
        orl $0x80000001, %eax           /* paging */
        movl %eax, %cr0
        ljmp $0x08, $AT (wide)

        .code64
wide:
        /* The sum of 1 to 100000 in 64 bits: some time spent in translated, paged code. */
        xorl %eax, %eax
        movl $100000, %ecx
1:      addq %rcx, %rax
        loop 1b
        movabsq $5000050000, %rbx
        cmpq %rbx, %rax
        jne 3f
        xorl %eax, %eax
        cpuid
        testl %eax, %eax
        jz 3f
        movl $AT (word), %esi
        movw $0xe9, %dx
2:      lodsb
        testb %al, %al
        jz 3f
        outb %al, %dx
        jmp 2b
3:      movw $0xf4, %dx
        movb $0x10, %al
        outb %al, %dx
4:      hlt
        jmp 4b

        .balign 8
gdt:
        .quad 0, 0x00209a0000000000
gdt_pointer:
        .word 15
        .long AT (gdt)
word:
        .asciz "LONG MODE\n"
lodge_probe_guest_end:

        .section .note.GNU-stack, "", %progbits
