/* SPDX-License-Identifier: GPL-3.0-or-later */

/*
 * lodge-landlock OPTION... -- COMMAND [ARGUMENT...]
 *
 * Runs COMMAND so that it can reach only the files named, where bubblewrap cannot be had. It fails rather than to run
 * COMMAND with less: on a kernel without Landlock, and when a path is missing (but for the -try forms).
 *
 *   --read PATH, --read-try PATH      read and execute PATH and what is below
 *   --write PATH, --write-try PATH    all of that, and write, create, remove
 *   --no-tcp                          no TCP, where the kernel can (6.7)
 *   --die-with-parent, --new-session, --clearenv, --setenv NAME VALUE, --chdir PATH
 *
 * No libraries but libc, so that it starts in half a millisecond.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights that are newer than the headers of the oldest system this is built on. */
#define RIGHT_TRUNCATE  (1ULL << 14) /* ABI 3 */
#define RIGHT_IOCTL_DEV (1ULL << 15) /* ABI 5 */
#define RIGHT_NET_TCP   3ULL         /* ABI 4: bind and connect */
#define SCOPE_ALL       3ULL         /* ABI 6: abstract sockets and signals */

/* linux/landlock.h of that system knows only the first member. */
struct ruleset
{
  uint64_t handled_access_fs;
  uint64_t handled_access_net;
  uint64_t scoped;
};

#define RIGHTS_ABI1 ((1ULL << 13) - 1)
#define RIGHTS_READ \
  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_FILE \
  (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | \
   RIGHT_TRUNCATE | RIGHT_IOCTL_DEV)

static void
fail (const char *what)
{
  fprintf (stderr, "lodge-landlock: %s: %s\n", what, strerror (errno));
  exit (126);
}

static uint64_t
rights_of_abi (long abi)
{
  uint64_t rights = RIGHTS_ABI1;

  if (abi >= 2)
    rights |= 1ULL << 13; /* moving between folders */
  if (abi >= 3)
    rights |= RIGHT_TRUNCATE;
  if (abi >= 5)
    rights |= RIGHT_IOCTL_DEV;

  return rights;
}

static void
add_rule (int ruleset, uint64_t handled, const char *path, int writable, int optional)
{
  struct landlock_path_beneath_attr rule = { 0 };
  struct stat info;

  rule.parent_fd = open (path, O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0)
    {
      if (optional)
        return;
      fail (path);
    }
  if (fstat (rule.parent_fd, &info) < 0)
    fail (path);

  rule.allowed_access = (writable ? handled : RIGHTS_READ) & handled;
  if (!S_ISDIR (info.st_mode))
    rule.allowed_access &= RIGHTS_FILE;
  if (syscall (SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
    fail (path);
  close (rule.parent_fd);
}

int
main (int argc, char *argv[])
{
  struct ruleset attributes = { 0 };
  const char *folder = NULL;
  size_t size = sizeof (uint64_t);
  uint64_t handled;
  long abi;
  int ruleset, i = 1;

  abi = syscall (SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1)
    fail ("this kernel has no Landlock");

  handled = rights_of_abi (abi);
  attributes.handled_access_fs = handled;
  for (int k = 1; k < argc && strcmp (argv[k], "--") != 0; k++)
    if (strcmp (argv[k], "--no-tcp") == 0 && abi >= 4)
      {
        attributes.handled_access_net = RIGHT_NET_TCP;
        size = 2 * sizeof (uint64_t);
      }
  if (abi >= 6)
    {
      attributes.scoped = SCOPE_ALL;
      size = sizeof attributes;
    }
  ruleset = syscall (SYS_landlock_create_ruleset, &attributes, size, 0);
  if (ruleset < 0)
    fail ("landlock_create_ruleset");

  for (; i < argc && strcmp (argv[i], "--") != 0; i++)
    {
      const char *option = argv[i];
      int left = argc - i - 1;

      if (strcmp (option, "--no-tcp") == 0)
        continue;
      else if (strcmp (option, "--new-session") == 0)
        setsid (); /* fails when it leads one already */
      else if (strcmp (option, "--die-with-parent") == 0)
        prctl (PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
      else if (strcmp (option, "--clearenv") == 0)
        clearenv ();
      else if (strcmp (option, "--setenv") == 0 && left >= 2)
        {
          setenv (argv[i + 1], argv[i + 2], 1);
          i += 2;
        }
      else if (strcmp (option, "--chdir") == 0 && left >= 1)
        folder = argv[++i];
      else if (strcmp (option, "--read") == 0 && left >= 1)
        add_rule (ruleset, handled, argv[++i], 0, 0);
      else if (strcmp (option, "--read-try") == 0 && left >= 1)
        add_rule (ruleset, handled, argv[++i], 0, 1);
      else if (strcmp (option, "--write") == 0 && left >= 1)
        add_rule (ruleset, handled, argv[++i], 1, 0);
      else if (strcmp (option, "--write-try") == 0 && left >= 1)
        add_rule (ruleset, handled, argv[++i], 1, 1);
      else
        {
          errno = EINVAL;
          fail (option);
        }
    }
  if (i + 1 >= argc)
    {
      errno = EINVAL;
      fail ("no command");
    }

  if (folder != NULL && chdir (folder) < 0)
    fail (folder);
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    fail ("no_new_privs");
  /* What root executes gets no more capabilities than this set has. Others may not change it and have none. */
  for (int capability = 0; geteuid () == 0 && capability < 64; capability++)
    prctl (PR_CAPBSET_DROP, capability, 0, 0, 0);
  if (syscall (SYS_landlock_restrict_self, ruleset, 0) < 0)
    fail ("landlock_restrict_self");
  close (ruleset);

  execvp (argv[i + 1], argv + i + 1);
  fail (argv[i + 1]);
}
