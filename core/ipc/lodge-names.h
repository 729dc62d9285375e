/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* The names of Lodge on D-Bus; the contract itself is data/dbus/org.lodgevm.Core1.xml. */

#define LODGE_BUS_NAME          "org.lodgevm.Core1"
#define LODGE_CORE_PATH         "/org/lodgevm/Core1"
#define LODGE_MACHINES_PATH     LODGE_CORE_PATH "/machines"
#define LODGE_JOBS_PATH         LODGE_CORE_PATH "/jobs"
#define LODGE_API_VERSION       3u
