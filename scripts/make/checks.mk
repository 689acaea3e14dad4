# SPDX-License-Identifier: BSD-3-Clause
# Targets of `make check`.
