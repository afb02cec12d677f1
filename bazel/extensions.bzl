"""The greenroom command of this machine, for MODULE.bazel."""

load(":defs.bzl", "greenroom_host")

def _host_impl(_module_ctx):
    greenroom_host(name = "greenroom_host")

host = module_extension(
    implementation = _host_impl,
    doc = "Creates the repository `greenroom_host`.",
)
