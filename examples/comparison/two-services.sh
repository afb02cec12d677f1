#!/bin/sh
# hurl starts no services: this starts those that each file needs, and stops them between the files.
cd "$(dirname "$0")" || exit
stock() { python3 stock.py >stock.log 2>&1 & stock=$!; }
orders() { python3 orders.py >orders.log 2>&1 & orders=$!; }
ready() { hurl --retry 50 --retry-interval 100 "$1" >/dev/null 2>&1; }
stop() { kill "$@"; wait "$@" 2>/dev/null; }
failed=0
test_file() { hurl --test "$1" || failed=1; }

stock; orders; ready stock-ready.hurl; ready orders-ready.hurl
test_file two-services-accepted.hurl
stop $stock $orders

stock; orders; ready stock-ready.hurl; ready orders-ready.hurl
test_file two-services-refused.hurl
stop $stock
test_file two-services-down.hurl
stop $orders

orders; ready orders-ready.hurl
test_file two-services-still-down.hurl
stock
test_file two-services-back.hurl
stop $stock $orders
exit $failed
