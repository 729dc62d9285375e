#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""metainfo.py IN OUT URL: fills in where the pictures are published, or leaves them out where they are not."""
import re
import sys

source, target, url = sys.argv[1:]
with open(source, encoding='utf-8') as f:
    text = f.read()
if url:
    text = text.replace('@SCREENSHOTS_URL@', url.rstrip('/'))
else:
    text = re.sub(r'\s*<screenshots>.*?</screenshots>', '', text, flags=re.S)
with open(target, 'w', encoding='utf-8') as f:
    f.write(text)
