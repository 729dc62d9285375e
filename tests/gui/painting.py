# SPDX-License-Identifier: GPL-3.0-or-later
"""A disc that starts and paints the screen: the smallest installer that there is."""
import subprocess

# mov ax, 13h; int 10h; mov ax, A000h; mov es, ax; xor di, di; mov al, 28h; mov cx, 64000; cld; rep stosb; hlt; jmp
PAINTS_RED = bytes.fromhex('b81300 cd10 b800a0 8ec0 31ff b028 b900fa fc f3aa f4 ebfd')
RED = (255, 0, 0)


def painting_disc(path, folder):
    """FOLDER, which is made, is for its content."""
    folder.mkdir()
    (folder / 'boot.bin').write_bytes(PAINTS_RED.ljust(2048, b'\0'))
    subprocess.run(['xorriso', '-as', 'mkisofs', '-quiet', '-V', 'PAINTER', '-b', 'boot.bin', '-no-emul-boot', '-boot-load-size',
                    '4', '-o', str(path), str(folder)], check=True, capture_output=True)
    return path
