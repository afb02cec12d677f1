"""The program."""

HOST = Host()

if __name__ == "__main__":
    if "--check" in sys.argv[1:2]:
        sys.stdout.buffer.write(encode(check(sys.argv[2:])).encode("utf-8", "replace") + b"\n")
    else:
        HOST.start()
