import json
import urllib.error
import urllib.request

PORT = 8081
ORDERS = f"http://localhost:{PORT}/orders"


def open_shop(ctx, one=None, other=None):
    # greenroom starts it, waits for its port, and stops it when the scenario ends.
    daemon_start_on_port(ctx, name="shop", path="./shopd.py", args=f"{PORT} {one} {other}", port=PORT)


def order(ctx, customer=None, count=None, article=None):
    wanted = {"customer": customer, "count": int(count), "article": article}
    with urllib.request.urlopen(ORDERS, json.dumps(wanted).encode()) as answer:
        ctx["answer"] = json.load(answer)


def try_to_order(ctx, customer=None, count=None, article=None):
    try:
        order(ctx, customer, count, article)
    except urllib.error.HTTPError as error:
        ctx["refused"] = json.load(error)


def has_ordered(ctx, customer=None, count=None, article=None):
    with urllib.request.urlopen(ORDERS) as answer:
        orders = json.load(answer)
    assert orders[customer][article] == int(count)


def says_no(ctx, reason=None):
    assert_eq(ctx["refused"], reason)
