/* SPDX-License-Identifier: GPL-3.0-or-later */

#include "config.h"

#include "core/ipc/lodge-error-text.h"

#include <errno.h>
#include <glib/gi18n-lib.h>
#include <string.h>
#include <unistd.h>

/* Each code has a sentence that needs no context, and better ones for what the context may hold.
 * They have one %s each, so the most telling one that can be filled is taken: file, then machine. */
static const struct
{
  const char *plain;
  const char *machine; /* (nullable) */
  const char *file;    /* (nullable) */
} sentences[LODGE_N_ERRORS] = {
  [LODGE_ERROR_FAILED] = {
    N_("Lodge could not do this. The details tell what is known; if they do not help, please report it."),
    N_("Lodge could not do this with “%s”. The details tell what is known; if they do not help, please report it."),
    NULL,
  },
  [LODGE_ERROR_INVALID_ARGUMENT] = {
    N_("One of the values cannot be understood. Correct it and try again."),
    NULL,
    NULL,
  },
  [LODGE_ERROR_NAME_INVALID] = {
    N_("This name cannot be used. A name has 1 to 128 printable characters and no “/”."),
    N_("“%s” cannot be used as a name. A name has 1 to 128 printable characters and no “/”."),
    NULL,
  },
  [LODGE_ERROR_OUT_OF_RANGE] = {
    N_("One of the values is more or less than what is possible. Choose another one."),
    NULL,
    NULL,
  },
  [LODGE_ERROR_NOT_FOUND] = {
    N_("What was asked for is not there. It may have been moved or deleted."),
    N_("Something that “%s” needs is not there. Bring it back, or take it out of the machine’s settings."),
    N_("The file “%s” does not exist. Check its name and place."),
  },
  [LODGE_ERROR_AMBIGUOUS] = {
    N_("Several machines match. Use the id of the one that is meant."),
    N_("Several machines match “%s”. Use the id of the one that is meant."),
    NULL,
  },
  [LODGE_ERROR_EXISTS] = {
    N_("Something of that name or id is there already. Choose another one, or move it away."),
    N_("Something of the name or id “%s” is there already. Choose another one, or move it away."),
    N_("“%s” exists already. Choose another name, or move it away."),
  },
  [LODGE_ERROR_NOT_READABLE] = {
    N_("A file may not be read by you. Change its permissions, or choose another one."),
    N_("A file that “%s” needs may not be read by you. Change its permissions, or choose another one."),
    N_("The file “%s” may not be read by you. Change its permissions, or choose another one."),
  },
  [LODGE_ERROR_WRONG_FORMAT] = {
    N_("A file is not what it was given as. Choose another one."),
    N_("A file of “%s” is not what it was given as. Choose another one."),
    N_("“%s” is not a file of the right kind. Choose another one."),
  },
  [LODGE_ERROR_TEXT_FILE] = {
    N_("This is a text file, not a disc image. Choose the ISO file of an installer or a live system."),
    NULL,
    N_("“%s” is a text file, not a disc image. Choose the ISO file of an installer or a live system."),
  },
  [LODGE_ERROR_COMPRESSED] = {
    N_("This is a compressed file. Unpack it first, and choose the image that is in it."),
    NULL,
    N_("“%s” is a compressed file. Unpack it first, and choose the image that is in it."),
  },
  [LODGE_ERROR_DAMAGED] = {
    N_("This image is damaged or was not downloaded to its end. Download it again."),
    NULL,
    N_("“%s” is damaged or was not downloaded to its end. Download it again."),
  },
  [LODGE_ERROR_IN_USE] = {
    N_("This is in use by another machine or program. Close that one first."),
    N_("A disk or channel of “%s” is in use by another machine or program. Close that one first."),
    N_("“%s” is in use by another machine or program. Close that one first."),
  },
  [LODGE_ERROR_HAS_DEPENDANTS] = {
    N_("Other machines are built on its disks, which must stay as they are. Delete those machines, or flatten them so that they stand alone; the details name them."),
    N_("Other machines are built on the disks of “%s”, which must stay as they are. Delete those machines, or flatten them so that they stand alone; the details name them."),
    NULL,
  },
  [LODGE_ERROR_NO_SPACE] = {
    N_("There is not enough free disk space. Free some and try again."),
    N_("There is not enough free disk space for “%s”. Free some and try again."),
    N_("There is not enough free disk space for “%s”. Free some and try again."),
  },
  [LODGE_ERROR_IO] = {
    N_("A file or folder could not be read or written. Check that the disk is there and writable."),
    N_("A file or folder of “%s” could not be read or written. Check that the disk is there and writable."),
    N_("“%s” could not be read or written. Check that the disk is there and writable."),
  },
  [LODGE_ERROR_WRONG_STATE] = {
    N_("The machine’s present state does not allow this."),
    N_("The present state of “%s” does not allow this."),
    NULL,
  },
  [LODGE_ERROR_NOT_SUPPORTED] = {
    N_("This machine or this computer cannot do that. The details say what is missing."),
    N_("“%s” or this computer cannot do that. The details say what is missing."),
    NULL,
  },
  [LODGE_ERROR_NO_QEMU] = {
    N_("QEMU, which runs the machines, is not installed. Install it (Debian: qemu-system-x86, qemu-system-arm or qemu-system-misc) and try again."),
    N_("QEMU, which runs “%s”, is not installed for its architecture. Install it (Debian: qemu-system-x86, qemu-system-arm or qemu-system-misc) and try again."),
    NULL,
  },
  [LODGE_ERROR_QEMU_TOO_OLD] = {
    N_("The installed QEMU lacks what Lodge needs. Install QEMU 7.2 or newer."),
    N_("The installed QEMU lacks what “%s” needs. Install QEMU 7.2 or newer."),
    NULL,
  },
  [LODGE_ERROR_QEMU_FAILED] = {
    N_("QEMU ended instead of running the machine. The details and the machine’s log say what it complained about."),
    N_("QEMU ended instead of running “%s”. The details and the machine’s log say what it complained about."),
    NULL,
  },
  [LODGE_ERROR_HELPER_FAILED] = {
    N_("A helper program (network or TPM) ended instead of serving the machine. The details and the machine’s log say why."),
    N_("A helper program (network or TPM) of “%s” ended instead of serving it. The details and the machine’s log say why."),
    NULL,
  },
  [LODGE_ERROR_NOT_RESPONDING] = {
    N_("QEMU does not answer. Wait a little; if it stays so, force the machine off."),
    N_("The QEMU of “%s” does not answer. Wait a little; if it stays so, force the machine off."),
    NULL,
  },
  [LODGE_ERROR_CONFINEMENT] = {
    N_("The confinement that keeps a guest away from your files cannot be had here. Install bubblewrap and allow user namespaces."),
    N_("The confinement that keeps “%s” away from your files cannot be had here. Install bubblewrap and allow user namespaces."),
    NULL,
  },
  [LODGE_ERROR_RUNTIME_DIR] = {
    N_("Lodge cannot use its runtime folder (XDG_RUNTIME_DIR). Check that it belongs to you, can be written and is not full."),
    N_("“%s” needs the runtime folder (XDG_RUNTIME_DIR), which cannot be used. Check that it belongs to you, can be written and is not full."),
    NULL,
  },
  [LODGE_ERROR_BROKEN_PROFILE] = {
    N_("The machine’s description (machine.json) is damaged. Restore the previous one, or correct the file."),
    N_("The description of “%s” (machine.json) is damaged. Restore the previous one, or correct the file."),
    NULL,
  },
  [LODGE_ERROR_NEWER_SCHEMA] = {
    N_("This machine was made by a newer Lodge. Update Lodge to use it."),
    N_("“%s” was made by a newer Lodge. Update Lodge to use it."),
    NULL,
  },
  [LODGE_ERROR_NEEDS_REPAIR] = {
    N_("A disk image was not closed cleanly and fails its check. Repair a copy of it before the next start."),
    N_("A disk image of “%s” was not closed cleanly and fails its check. Repair a copy of it before the next start."),
    N_("The disk image “%s” was not closed cleanly and fails its check. Repair a copy of it before the next start."),
  },
  [LODGE_ERROR_CANCELLED] = {
    N_("This was cancelled; nothing was changed."),
    N_("What was going on with “%s” was cancelled."),
    NULL,
  },
  [LODGE_ERROR_CORE_GONE] = {
    N_("lodge-core, which looks after the machines, cannot be reached. Running machines keep running; try again, and see whether it is installed if this stays so."),
    NULL,
    NULL,
  },
};

static const struct
{
  const char *role;
  const char *sentence;
} wrong_formats[] = {
  { "iso", N_("“%s” is not a disc image. Choose the ISO file of an installer or a live system.") },
  { "image", N_("“%s” is neither a disc image nor a disk image that Lodge can use. Choose another file.") },
  { "disk", N_("“%s” is not a disk image that Lodge can use (qcow2, raw, VMDK, VDI, VHDX). Choose another file.") },
  { "kernel", N_("“%s” is not a kernel that QEMU can load. Choose a Linux kernel or an ELF image.") },
  { "initrd", N_("“%s” is not an initial RAM disk. Choose the one that belongs to the kernel.") },
};

/* What is different when it is said of a file that was to be written, or of a folder with backups. */
static const struct
{
  const char *role;
  LodgeError code;
  const char *sentence;
} for_roles[] = {
  { "output", LODGE_ERROR_NOT_FOUND, N_("The folder in which “%s” was to be written does not exist. Make it first, or choose another place.") },
  { "output", LODGE_ERROR_NOT_READABLE, N_("“%s” may not be written by you. Choose another place, or change the permissions of the file or its folder.") },
  { "output", LODGE_ERROR_EXISTS, N_("“%s” is a folder. Give the name of a file in it.") },
  { "output", LODGE_ERROR_IO, N_("“%s” could not be written. Check that the disk is there and writable.") },
  { "trash", LODGE_ERROR_NOT_FOUND, N_("“%s” is not in the trash, or what it needs to come back is not there; the details say which. “lodgectl trash list” shows what is in the trash.") },
  { "trash", LODGE_ERROR_AMBIGUOUS, N_("Several things in the trash match “%s”. Use the id of the one that is meant.") },
  { "trash", LODGE_ERROR_HAS_DEPENDANTS, N_("Something is built on the disks of “%s”, in the trash too or among the machines. Delete that for good first; the details name it.") },
  { "backups", LODGE_ERROR_NOT_FOUND, N_("There is no such backup in “%s”, or not all that it builds on. The list of backups says which there are.") },
  { "backups", LODGE_ERROR_NOT_READABLE, N_("The backup folder “%s” may not be read or written by you. Choose another one, or change its permissions.") },
  { "backups", LODGE_ERROR_INVALID_ARGUMENT, N_("“%s” does not fit: it is no folder, or the backup is of another machine. The details say which.") },
  { "backups", LODGE_ERROR_DAMAGED, N_("This backup in “%s” is damaged: what was read is not what was written. Use another one, and check the disk that it lies on.") },
  { "backups", LODGE_ERROR_WRONG_FORMAT, N_("What lies in “%s” is not a backup of Lodge’s, or somebody has changed it. Use another one.") },
  { "backups", LODGE_ERROR_BROKEN_PROFILE, N_("What lies in “%s” is not a backup of Lodge’s, or somebody has changed it. Use another one.") },
  { "backups", LODGE_ERROR_NEWER_SCHEMA, N_("This backup in “%s” was made by a newer Lodge. Update Lodge to use it.") },
  { "backups", LODGE_ERROR_IN_USE, N_("A backup into “%s” is under way, or the machine is in use. Wait until that has ended.") },
  { "backups", LODGE_ERROR_NO_SPACE, N_("There is not enough free space for this, in “%s” or where the machine lies; the details say where. Free some and try again.") },
  { "backups", LODGE_ERROR_IO, N_("The backup folder “%s” could not be read or written. Check that its disk is connected and writable.") },
};

static const struct
{
  const char *state;
  const char *word;
  const char *refusal;
} states[] = {
  { "off", N_("Off"), N_("“%s” is off, which does not allow this. Start it first.") },
  { "starting", N_("Starting"), N_("“%s” is just starting, which does not allow this. Wait until it runs.") },
  { "running", N_("Running"), N_("“%s” is running, which does not allow this. Shut it down first, or force it off.") },
  { "paused", N_("Paused"), N_("“%s” is paused, which does not allow this. Resume it or force it off first.") },
  { "stopping", N_("Shutting Down"), N_("“%s” is shutting down, which does not allow this. Wait until it is off, or force it off.") },
  { "saving", N_("Saving"), N_("“%s” is just being saved, which does not allow this. Wait until it is saved, or cancel that.") },
  { "saved", N_("Saved"), N_("“%s” is saved, which does not allow this. Start it, so that it goes on, or drop its saved memory first.") },
  { "broken", N_("Broken"), N_("The folder of “%s” cannot be used, which does not allow this. Its page and “lodgectl show” say why, and what to do.") },
};

/* What is no refusal of the state at all: what was asked for is there. @method begins the core's message. */
static const struct
{
  const char *method;
  const char *state;
  const char *sentence;
} there_already[] = {
  { "Start ", "running", N_("“%s” is already running.") },
  { "Start ", "paused", N_("“%s” has been started and is paused. Resume it, so that it goes on.") },
  { "Resume ", "running", N_("“%s” is already running.") },
  { "Pause ", "paused", N_("“%s” is already paused.") },
  { "Shutdown ", "off", N_("“%s” is already off.") },
  { "ForceOff ", "off", N_("“%s” is already off.") },
};

/* Reasons that need no word ("", "user", "guest-shutdown", "adopted") are not here. */
static const struct
{
  const char *reason;
  const char *sentence;
} reasons[] = {
  { "io-error", N_("“%s” is paused because one of its disks could not be read or written. Check the disk, then resume.") },
  { "internal-error", N_("“%s” came to a halt because hardware virtualisation (KVM) gave up on it. Force it off and start it again in software.") },
  { "guest-panicked", N_("The system in “%s” crashed. Reset it, or force it off.") },
  { "kvm-failed", N_("“%s” ended in its first seconds because QEMU broke down under hardware virtualisation (KVM). Start it in software, which is slower: lodgectl start --tcg") },
  { "start-failed", N_("“%s” could not be started. Its log says what QEMU or a helper complained about.") },
  { "crashed", N_("“%s” stopped unexpectedly because QEMU ended. Its log says more.") },
  { "killed", N_("“%s” stopped because something ended its QEMU process, perhaps for lack of memory.") },
  { "helper-failed", N_("A helper program of “%s” ended; the machine runs on without what it did. Its log says more.") },
  { "not-responding", N_("QEMU does not answer for “%s”. It can be forced off.") },
  { "folder-gone", N_("The folder of “%s” was moved or deleted while it was in use. Bring it back before the next start.") },
};

static const struct
{
  const char *code;
  const char *sentence;
} faults[] = {
  { "broken", N_("The description of “%s” (machine.json) is damaged. Restore the previous one, or correct the file.") },
  { "broken-alone", N_("The description of “%s” (machine.json) is damaged, and there is no earlier one. Correct the file, or delete the machine.") },
  { "newer-schema", N_("“%s” was made by a newer Lodge. Update Lodge to use it.") },
  { "duplicate-id", N_("“%s” has the id of another machine, as a copied folder has. Make it a separate machine to use it.") },
  { "unreadable", N_("The folder of “%s” may not be read by you. Change its permissions.") },
};

char *
lodge_error_text (const GError *error, const LodgeErrorContext *context)
{
  static const LodgeErrorContext nothing = { NULL };
  int code = LODGE_ERROR_FAILED;

  if (context == NULL)
    context = &nothing;

  if (error->domain == LODGE_ERROR && error->code >= 0 && error->code < LODGE_N_ERRORS)
    code = error->code;
  else if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    code = LODGE_ERROR_CANCELLED;

  if (context->file != NULL && context->role != NULL)
    for (gsize i = 0; i < G_N_ELEMENTS (for_roles); i++)
      if ((int) for_roles[i].code == code && g_str_equal (for_roles[i].role, context->role))
        return g_strdup_printf (_(for_roles[i].sentence), context->file);

  if (code == LODGE_ERROR_WRONG_FORMAT && context->file != NULL && context->role != NULL)
    for (gsize i = 0; i < G_N_ELEMENTS (wrong_formats); i++)
      if (g_str_equal (wrong_formats[i].role, context->role))
        return g_strdup_printf (_(wrong_formats[i].sentence), context->file);

  if (code == LODGE_ERROR_WRONG_STATE && context->machine != NULL && context->state != NULL)
    for (gsize i = 0; i < G_N_ELEMENTS (there_already); i++)
      if (g_str_equal (there_already[i].state, context->state) && g_str_has_prefix (error->message, there_already[i].method))
        return g_strdup_printf (_(there_already[i].sentence), context->machine);
  if (code == LODGE_ERROR_WRONG_STATE && context->machine != NULL && context->state != NULL)
    for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
      if (g_str_equal (states[i].state, context->state))
        return g_strdup_printf (_(states[i].refusal), context->machine);

  if (code == LODGE_ERROR_OUT_OF_RANGE || code == LODGE_ERROR_INVALID_ARGUMENT)
    {
      char *text = lodge_value_text (error->message, context->title);

      if (text != NULL)
        return text;
    }

  if (code == LODGE_ERROR_NOT_FOUND && context->machine != NULL && context->lookup)
    return g_strdup_printf (_("There is no machine “%s”. Check its name or id."), context->machine);

  if (context->file != NULL && sentences[code].file != NULL)
    return g_strdup_printf (_(sentences[code].file), context->file);
  if (context->machine != NULL && *context->machine != '\0' && sentences[code].machine != NULL)
    return g_strdup_printf (_(sentences[code].machine), context->machine);
  return g_strdup (_(sentences[code].plain));
}

char *
lodge_data_folder_text (const char *folder)
{
  g_autofree char *place = g_strdup (folder);

  /* As the core does it: it is made where it is missing. */
  if (g_file_test (place, G_FILE_TEST_IS_DIR) && access (place, R_OK | X_OK) == 0)
    return NULL;
  while (access (place, F_OK) != 0 && errno == ENOENT && strcmp (place, "/") != 0)
    {
      char *parent = g_path_get_dirname (place);

      g_free (place);
      place = parent;
    }
  if (access (place, F_OK) == 0 && !g_file_test (place, G_FILE_TEST_IS_DIR))
    errno = ENOTDIR;
  else if (access (place, strcmp (place, folder) == 0 ? R_OK | X_OK : W_OK | X_OK) == 0)
    return NULL;
  return g_strdup_printf (_("Lodge keeps its machines in “%s”, which cannot be used: %s. Change its permissions, or move away what stands in its place."),
                          folder, g_strerror (errno));
}

const char *
lodge_state_text (const char *state)
{
  for (gsize i = 0; i < G_N_ELEMENTS (states); i++)
    if (g_str_equal (states[i].state, state))
      return _(states[i].word);

  return state;
}

char *
lodge_state_reason_text (const char *reason, GVariant *details, const char *machine)
{
  guint64 needed = 0;

  if (g_str_equal (reason, "disk-full"))
    {
      if (details != NULL && g_variant_lookup (details, "needed", "t", &needed) && needed > 0)
        {
          g_autofree char *size = g_format_size (needed);

          return g_strdup_printf (_("“%s” is paused because the disk of this computer is full. Free %s; it then goes on by itself."),
                                  machine, size);
        }
      return g_strdup_printf (_("“%s” is paused because the disk of this computer is full. Free some space; it then goes on by itself."),
                              machine);
    }

  for (gsize i = 0; i < G_N_ELEMENTS (reasons); i++)
    if (g_str_equal (reasons[i].reason, reason))
      return g_strdup_printf (_(reasons[i].sentence), machine);

  return NULL;
}

char *
lodge_fault_text (const char *code, const char *machine)
{
  for (gsize i = 0; i < G_N_ELEMENTS (faults); i++)
    if (g_str_equal (faults[i].code, code))
      return g_strdup_printf (_(faults[i].sentence), machine);

  return g_strdup_printf (_("The folder of “%s” cannot be used."), machine);
}

char *
lodge_identity_text (const char *identity, const char *machine)
{
  if (identity == NULL)
    return NULL;
  return g_strdup_printf (_("The system in “%s” still has the host name and the machine ID of the machine that it was made from, because its guest agent "
                            "has not set its own."), machine);
}

char *
lodge_left_out_text (GVariant *automatic, const char *machine)
{
  LodgeErrorContext about = { .machine = machine };
  g_autoptr (GError) error = NULL;
  g_autofree char *sentence = NULL;
  const char *name = NULL;
  LodgeError code = LODGE_ERROR_FAILED;

  if (automatic == NULL || !g_variant_lookup (automatic, "before-start-error", "&s", &name))
    return NULL;
  for (int i = 0; i < LODGE_N_ERRORS; i++)
    if (g_str_equal (lodge_error_code_name (i), name))
      code = i;
  if (code == LODGE_ERROR_NO_SPACE)
    return g_strdup_printf (_("“%s” was started without the snapshot before it: less than 2 GB or a twentieth of the disk is free. Free some space."),
                            machine);
  /* What is not found is something in its folder, not the machine, which runs. */
  error = g_error_new_literal (LODGE_ERROR, code == LODGE_ERROR_NOT_FOUND ? LODGE_ERROR_IO : code, "");
  sentence = lodge_error_text (error, &about);
  /* Translators: name of a machine; a sentence that says why */
  return g_strdup_printf (_("“%s” was started without the snapshot before it. %s"), machine, sentence);
}
