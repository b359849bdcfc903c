// Package sys wraps system calls. It is the only package that imports
// golang.org/x/sys/unix; it exports the kernel's constants under the names of their
// manual pages.
package sys

import "golang.org/x/sys/unix"

// Namespaces: clone(2), setns(2).
const (
	CLONE_NEWNS     = unix.CLONE_NEWNS
	CLONE_NEWCGROUP = unix.CLONE_NEWCGROUP
	CLONE_NEWUTS    = unix.CLONE_NEWUTS
	CLONE_NEWIPC    = unix.CLONE_NEWIPC
	CLONE_NEWUSER   = unix.CLONE_NEWUSER
	CLONE_NEWPID    = unix.CLONE_NEWPID
	CLONE_NEWNET    = unix.CLONE_NEWNET
	CLONE_NEWTIME   = unix.CLONE_NEWTIME
)

// Paths: openat2(2), open_tree(2).
const (
	O_PATH                = unix.O_PATH
	O_DIRECTORY           = unix.O_DIRECTORY
	O_NOFOLLOW            = unix.O_NOFOLLOW
	O_NOCTTY              = unix.O_NOCTTY
	O_RDWR                = unix.O_RDWR
	O_RDONLY              = unix.O_RDONLY
	O_WRONLY              = unix.O_WRONLY
	O_CLOEXEC             = unix.O_CLOEXEC
	O_NONBLOCK            = unix.O_NONBLOCK
	RESOLVE_IN_ROOT       = unix.RESOLVE_IN_ROOT
	RESOLVE_BENEATH       = unix.RESOLVE_BENEATH
	RESOLVE_NO_SYMLINKS   = unix.RESOLVE_NO_SYMLINKS
	RESOLVE_NO_MAGICLINKS = unix.RESOLVE_NO_MAGICLINKS
	RESOLVE_NO_XDEV       = unix.RESOLVE_NO_XDEV
	AT_FDCWD              = unix.AT_FDCWD
	AT_EMPTY_PATH         = unix.AT_EMPTY_PATH
	AT_RECURSIVE          = unix.AT_RECURSIVE
	OPEN_TREE_CLONE       = unix.OPEN_TREE_CLONE
	OPEN_TREE_CLOEXEC     = unix.OPEN_TREE_CLOEXEC
)

// Mounts: mount(2), mount_setattr(2).
const (
	MS_RDONLY              = unix.MS_RDONLY
	MS_NOSUID              = unix.MS_NOSUID
	MS_NODEV               = unix.MS_NODEV
	MS_NOEXEC              = unix.MS_NOEXEC
	MS_SYNCHRONOUS         = unix.MS_SYNCHRONOUS
	MS_REMOUNT             = unix.MS_REMOUNT
	MS_DIRSYNC             = unix.MS_DIRSYNC
	MS_MANDLOCK            = unix.MS_MANDLOCK
	MS_SILENT              = unix.MS_SILENT
	MS_I_VERSION           = unix.MS_I_VERSION
	MS_LAZYTIME            = unix.MS_LAZYTIME
	MS_NOATIME             = unix.MS_NOATIME
	MS_NODIRATIME          = unix.MS_NODIRATIME
	MS_STRICTATIME         = unix.MS_STRICTATIME
	MS_UNBINDABLE          = unix.MS_UNBINDABLE
	MS_PRIVATE             = unix.MS_PRIVATE
	MS_SLAVE               = unix.MS_SLAVE
	MS_SHARED              = unix.MS_SHARED
	MNT_DETACH             = unix.MNT_DETACH
	MOUNT_ATTR_RDONLY      = unix.MOUNT_ATTR_RDONLY
	MOUNT_ATTR_NOSUID      = unix.MOUNT_ATTR_NOSUID
	MOUNT_ATTR_NODEV       = unix.MOUNT_ATTR_NODEV
	MOUNT_ATTR_NOEXEC      = unix.MOUNT_ATTR_NOEXEC
	MOUNT_ATTR__ATIME      = unix.MOUNT_ATTR__ATIME
	MOUNT_ATTR_RELATIME    = unix.MOUNT_ATTR_RELATIME
	MOUNT_ATTR_NOATIME     = unix.MOUNT_ATTR_NOATIME
	MOUNT_ATTR_STRICTATIME = unix.MOUNT_ATTR_STRICTATIME
	MOUNT_ATTR_NODIRATIME  = unix.MOUNT_ATTR_NODIRATIME
	MOUNT_ATTR_IDMAP       = unix.MOUNT_ATTR_IDMAP
	MOUNT_ATTR_NOSYMFOLLOW = unix.MOUNT_ATTR_NOSYMFOLLOW
	ST_NOEXEC              = unix.ST_NOEXEC
	ST_RDONLY              = unix.ST_RDONLY
	PROC_SUPER_MAGIC       = unix.PROC_SUPER_MAGIC
	DEVPTS_SUPER_MAGIC     = unix.DEVPTS_SUPER_MAGIC
)

// File types: inode(7).
const (
	S_IFMT  = unix.S_IFMT
	S_IFREG = unix.S_IFREG
	S_IFDIR = unix.S_IFDIR
	S_IFCHR = unix.S_IFCHR
	S_IFBLK = unix.S_IFBLK
	S_IFIFO = unix.S_IFIFO
)
