#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# planted.sh PROGRAM CORPUS: the program has an overflow planted; the seeds alone must not reach it, and a short
# run must. A fuzzer that finds nothing here would prove nothing elsewhere.
set -eu

program=$1 corpus=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM

cp "$corpus"/* "$work"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:symbolize=0

if ! "$program" -runs=0 "$work" >"$work.log" 2>&1; then
  cat "$work.log"; rm -f "$work.log"
  echo "the seeds alone reach the planted bug, or a real one"
  exit 1
fi

if "$program" -max_total_time=600 -seed=7 -max_len=8192 -artifact_prefix="$work/" "$work" >"$work.log" 2>&1; then
  tail -5 "$work.log"; rm -f "$work.log"
  echo "the planted bug was not found"
  exit 1
fi

if ! grep -q 'AddressSanitizer: stack-buffer-overflow' "$work.log"; then
  tail -40 "$work.log"; rm -f "$work.log"
  echo "something other than the planted bug was found"
  exit 1
fi
rm -f "$work.log"
