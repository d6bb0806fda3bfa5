# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Completion of assay for bash: goes to share/bash-completion/completions/assay, or is read by
# ~/.bashrc. The program itself writes what is offered, so it always fits the version that is there.
if command -v assay >/dev/null; then
    eval "$(assay completion bash)"
fi
