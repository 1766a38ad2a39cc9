# shellcheck shell=bash
# Sourced by the scripts beside it: the root of the checkout, and commands that are silent until
# they fail.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

log=build/${0##*/}.log

say() {
    printf '%s\n' "${0##*/}: $*" >&2
}

# logged WHAT COMMAND...: output goes to $log; its end is shown when COMMAND fails, which ends the script.
logged() {
    local what=$1
    shift
    mkdir -p build
    if ! "$@" >>"$log" 2>&1 </dev/null; then
        tail -n 40 "$log" >&2
        say "$what failed; all of its output is in $log"
        exit 1
    fi
}

# configured PRESET: whether build/PRESET was configured in this folder (a copied one was not).
configured() {
    grep -qsxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "build/$1/CMakeCache.txt" &&
        [ -e "build/$1/build.ninja" ]
}
