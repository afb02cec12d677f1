//! What to change on a machine that refuses a property.

use std::fs;

use super::failure::FailedCall;
use super::property::Property;
use crate::sys;

const APPARMOR: &str = "`sysctl kernel.apparmor_restrict_unprivileged_userns=0`, \
    or an AppArmor profile for greenroom with `userns,`";
const SECCOMP: &str = "a seccomp filter is active, as in containers: \
    `docker run --security-opt seccomp=unconfined`, or run greenroom outside of the container";

/// Returns what to change, from the error and from what the machine's settings are.
pub(super) fn help(property: Property, failed: &FailedCall) -> Option<String> {
    let setting = |name: &str| fs::read_to_string(format!("/proc/sys/{name}")).ok();
    let number = |name: &str| setting(name).and_then(|text| text.trim().parse::<i64>().ok());
    let filtered = fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| status.lines().any(|line| line.starts_with("Seccomp:") && line.ends_with('2')));
    let apparmor = number("kernel/apparmor_restrict_unprivileged_userns") == Some(1);
    let own = || (property.definition().advice)(failed);
    let help = match failed.error.errno? {
        libc::EPERM | libc::EACCES if number("kernel/unprivileged_userns_clone") == Some(0) => {
            "`sysctl kernel.unprivileged_userns_clone=1`"
        }
        libc::EPERM | libc::EACCES if apparmor => APPARMOR,
        _ if let Some(own) = own() => own,
        libc::EPERM | libc::ENOSYS if filtered => SECCOMP,
        libc::EACCES => {
            "a security module (AppArmor, SELinux) forbids it: \
             `docker run --security-opt apparmor=unconfined`, or see its log"
        }
        libc::EPERM => "run it as root, or outside of the container or chroot",
        libc::ENOSPC => {
            let zero = sys::NAMESPACES
                .iter()
                .map(|namespace| namespace.kind)
                .find(|kind| number(&format!("user/max_{kind}_namespaces")) == Some(0));
            return Some(match zero {
                Some(kind) => format!("`sysctl user.max_{kind}_namespaces=15000`: it is 0"),
                None => "more namespaces are in use than user.max_*_namespaces allow, \
                         or they are nested more than 32 levels deep"
                    .to_owned(),
            });
        }
        libc::ENOSYS | libc::EINVAL | libc::ENODEV => "the kernel is built without it; use a kernel that has it",
        libc::EAGAIN | libc::ENOMEM => {
            "too many processes, or too little memory: see `ulimit -u` and the container's limits"
        }
        _ => return None,
    };
    Some(help.to_owned())
}
