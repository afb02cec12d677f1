//! Who owns a path, and what stops a user on the way to it.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use greenroom_sandbox::process::{Account, Group};
use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};
use rustix::process::geteuid;

/// Describes who owns a path, and the first directory on the way to it that stops `user`.
///
/// `None` for `user` is some user other than root. Paths below `directory` are shown relative to it. Of a path
/// that does not exist, the directory that should contain it is described.
pub(crate) fn describe(path: &Path, directory: &Path, user: Option<u32>) -> String {
    let existing = path.ancestors().find_map(|path| Some((path, fs::symlink_metadata(path).ok()?)));
    let Some((target, metadata)) = existing else { return String::new() };
    let mut above: Vec<&Path> = target.ancestors().skip(1).collect();
    above.reverse();
    let stops = |path: &&Path| !may_enter(path, user);
    let barrier = above.into_iter().find(stops).and_then(|path| Some((path, fs::metadata(path).ok()?)));
    let facts = barrier.into_iter().chain([(target, metadata)]);
    facts.map(|(path, metadata)| owner(path, directory, &metadata)).collect::<Vec<_>>().join(", ")
}

/// Returns whether a path is an executable file on a file system from which nothing may be executed.
pub(crate) fn is_on_noexec(path: &Path) -> bool {
    let is_noexec = || statvfs(path).is_ok_and(|system| system.f_flag.contains(StatVfsMountFlags::NOEXEC));
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.mode() & 0o111 != 0) && is_noexec()
}

/// Returns a user with the name: `104 (redis)`.
pub(crate) fn user_name(user: u32) -> String {
    Account::name_of(user).map_or_else(|| user.to_string(), |name| format!("{user} ({name})"))
}

/// Returns a group with the name: `33 (www-data)`.
pub(crate) fn group_name(group: u32) -> String {
    Group::name_of(group).map_or_else(|| group.to_string(), |name| format!("{group} ({name})"))
}

fn owner(path: &Path, directory: &Path, metadata: &Metadata) -> String {
    let shown = match path.strip_prefix(directory) {
        Ok(inside) if inside.as_os_str().is_empty() => PathBuf::from("the scenario's directory"),
        Ok(inside) => inside.to_owned(),
        Err(_) => path.to_owned(),
    };
    let slash = if metadata.is_dir() && path != directory && path != Path::new("/") { "/" } else { "" };
    let mode = metadata.mode() & 0o7777;
    format!("{}{slash}: owner {}, mode {mode:04o}", shown.display(), user_name(metadata.uid()))
}

/// Returns whether a user may pass through a directory, as far as owner and mode tell.
fn may_enter(directory: &Path, user: Option<u32>) -> bool {
    if user == Some(geteuid().as_raw()) {
        return access(directory, Access::EXEC_OK).is_ok();
    }
    let Ok(metadata) = fs::metadata(directory) else { return false };
    // The groups of another user are not known.
    let bit = if user == Some(metadata.uid()) { 0o100 } else { 0o001 };
    metadata.mode() & bit != 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_directory_that_stops_a_user_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        fs::create_dir_all(path.join("a/b")).unwrap();
        fs::write(path.join("a/b/f"), "").unwrap();
        let set = |name: &str, mode| fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
        set("", 0o755);
        set("a", 0o700);
        set("a/b", 0o755);
        set("a/b/f", 0o640);
        let own = user_name(fs::metadata(path).unwrap().uid());
        let file = format!("a/b/f: owner {own}, mode 0640");
        assert_eq!(describe(&path.join("a/b/f"), path, Some(geteuid().as_raw())), file);
        assert_eq!(describe(&path.join("a/b/f"), path, None), format!("a/: owner {own}, mode 0700, {file}"));
        set("a", 0o711);
        assert_eq!(describe(&path.join("a/b/f"), path, Some(12_345)), file);
        let parent = format!("a/b/: owner {own}, mode 0755");
        assert_eq!(describe(&path.join("a/b/none"), path, None), parent);
        let here = format!("the scenario's directory: owner {own}, mode 0755");
        assert_eq!(describe(&path.join("none"), path, None), here);
    }

    #[test]
    fn users_have_names() {
        assert_eq!(user_name(0), "0 (root)");
        assert_eq!(user_name(4_000_000_000), "4000000000");
    }
}
