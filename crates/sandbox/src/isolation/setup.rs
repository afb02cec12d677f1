//! Gives a first process the properties of its stage.

use std::fs;
use std::io;
use std::time::Instant;

use rustix::mount::{MountPropagationFlags, mount_change};

use super::failure::{Call, FailedCall};
use super::patience::{PATIENCE, patiently_until};
use super::property::{Property, Setup};
use super::room::{Ids, Room};
use super::{Isolation, UserNamespace};
use crate::sys;

/// Sets up the properties of an isolation in this process, the first one of its stage.
///
/// `is_mapped` says that the launcher has mapped users and groups already.
pub(crate) fn set_up(isolation: &Isolation, room: &Room, ids: Ids, is_mapped: bool) -> Result<(), FailedCall> {
    let as_user = (isolation.user_namespace == UserNamespace::Own).then_some(ids);
    if let Some(ids) = as_user.filter(|_| !is_mapped) {
        map_ids(ids)?;
    }
    // In one call: each of them waits for the same locks.
    let namespaces = isolation.unshare_namespaces(room);
    if namespaces != 0 {
        create(namespaces, Instant::now() + PATIENCE)?;
    }
    let setup = Setup { room, as_user };
    let mut own = Property::SET_UP_ORDER.into_iter().filter(|property| isolation.has(*property));
    own.try_for_each(|property| (property.definition().set_up)(&setup))
}

/// Moves this process into new namespaces.
pub(super) fn create(namespaces: i32, until: Instant) -> Result<(), FailedCall> {
    patiently_until(until, || sys::unshare(namespaces)).map_err(FailedCall::of(Call::Unshare(namespaces)))?;
    if namespaces & sys::NEW_MOUNTS != 0 {
        // Before anything is mounted, or the machine would see it.
        let private = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
        mount_change("/", private).map_err(FailedCall::of(Call::MakeMountsPrivate))?;
    }
    Ok(())
}

/// Maps user and group to themselves in a user namespace.
///
/// `id`, the user's own files and permission checks look as they do outside. Files of other users
/// look as if they belonged to `nobody`, and set-uid programs have no effect.
pub(super) fn map_ids(ids: Ids) -> Result<(), FailedCall> {
    let write = |file: &str, text: String| -> Result<(), FailedCall> {
        fs::write(file, text).map_err(FailedCall::of::<io::Error>(Call::MapIds(file.to_owned())))
    };
    let Ids { user, group } = ids;
    // The kernel requires this before an unprivileged process may map a group.
    write("/proc/self/setgroups", "deny".to_owned())?;
    write("/proc/self/uid_map", format!("{user} {user} 1"))?;
    write("/proc/self/gid_map", format!("{group} {group} 1"))
}
