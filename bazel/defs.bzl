"""Acceptance documents as Bazel tests: greenroom_test, and where the greenroom command comes from."""

def _quote(word):
    """Quotes a word for a shell."""
    return "'" + word.replace("'", "'\\''") + "'"

def _greenroom_test_impl(ctx):
    # Paths are those from the working directory of a test. A program without a slash would be looked up on PATH.
    program = ctx.executable.greenroom.short_path
    command = ["exec", _quote(program if "/" in program else "./" + program), "run"]
    command += [_quote(document.short_path) for document in ctx.files.srcs]
    test = ctx.actions.declare_file(ctx.label.name + ".sh")
    ctx.actions.write(
        output = test,
        content = "#!/bin/sh\n" + " ".join(command) + " \"$@\"\n",
        is_executable = True,
    )
    runfiles = ctx.runfiles(files = ctx.files.srcs + ctx.files.data + [ctx.executable.greenroom])
    for target in ctx.attr.data + ctx.attr.srcs + [ctx.attr.greenroom]:
        runfiles = runfiles.merge(target[DefaultInfo].default_runfiles)
    return [DefaultInfo(executable = test, runfiles = runfiles)]

greenroom_test = rule(
    implementation = _greenroom_test_impl,
    doc = "Runs the scenarios of documents. `args` are options of `greenroom run`; `shard_count` spreads the scenarios.",
    attrs = {
        "srcs": attr.label_list(
            doc = "The documents. Markdown files that a .subplot file names belong into `data`.",
            allow_files = [".md", ".markdown", ".subplot"],
            allow_empty = False,
            mandatory = True,
        ),
        "data": attr.label_list(
            doc = "What the documents use: bindings, step functions, pictures, and programs that the scenarios start.",
            allow_files = True,
        ),
        "greenroom": attr.label(
            doc = "The greenroom command.",
            default = Label("//:greenroom"),
            allow_single_file = True,
            executable = True,
            cfg = "target",
        ),
    },
    test = True,
)

def _greenroom_host_impl(repository_ctx):
    command = repository_ctx.os.environ.get("GREENROOM") or repository_ctx.which("greenroom")
    if not command:
        fail("greenroom is not on PATH; install it, or set GREENROOM to the path of the command")
    repository_ctx.symlink(command, "greenroom")
    repository_ctx.file("BUILD.bazel", "exports_files([\"greenroom\"], visibility = [\"//visibility:public\"])\n")

greenroom_host = repository_rule(
    implementation = _greenroom_host_impl,
    doc = "The greenroom command of this machine: the one that GREENROOM names, or else the one on PATH.",
    configure = True,
    environ = ["GREENROOM", "PATH"],
    local = True,
)
