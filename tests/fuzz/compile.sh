#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# compile.sh CLANG OUTPUT DEPFILE SOURCE-ROOT BUILD-ROOT [FLAG|SOURCE]...: a libFuzzer program with its sources
# instrumented, whatever compiler the rest of the tree was built with.
set -eu

clang=$1 output=$2 depfile=$3 source_root=$4 build_root=$5
shift 5

set -- -std=gnu11 -g -O1 -D_GNU_SOURCE -DG_LOG_USE_STRUCTURED \
  -I"$source_root" -I"$build_root" -I"$build_root/core/ipc" "$@"
cflags=$(pkg-config --cflags gio-unix-2.0 json-glib-1.0)
libs=$(pkg-config --libs gio-unix-2.0 json-glib-1.0)

# One rule for all sources, so that a changed header is noticed.
# shellcheck disable=SC2086
dependencies=$("$clang" -MM $cflags "$@" | sed 's/^[^:]*://; s/\\$//' | tr '\n' ' ')
printf '%s: %s\n' "$output" "$dependencies" >"$depfile"

# shellcheck disable=SC2086
exec "$clang" -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
  -fno-omit-frame-pointer $cflags "$@" -o "$output" $libs
