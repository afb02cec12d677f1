#!/bin/sh
# hurl starts no services: this starts the one that todo.hurl needs, and stops it.
cd "$(dirname "$0")" || exit
python3 todo.py 8000 >todo.log 2>&1 &
todo=$!
trap 'kill $todo' EXIT
hurl --test --retry 50 --retry-interval 100 ready.hurl >/dev/null 2>&1
hurl --test "$@" todo.hurl
