internal import JobModel

/// The script by which a worker's machine is looked at, for any POSIX shell. It changes nothing
/// but that it makes the agent's directory, where it is asked to.
///
/// Each fact is a line `SHUNT1 key=value`; whatever else is on standard output, the banner of a
/// login for one, is passed over. A fact that cannot be found out has no line.
enum ProbeScript {
    /// What begins each line.
    static let mark = "SHUNT1 "

    /// - Parameters:
    ///   - directory: absolute, or `nil` for the standard one of the account.
    ///   - makesDirectory: whether it is made where it is missing.
    ///   - agents: the agent that is to be there, by architecture.
    static func text(
        directory: String?, makesDirectory: Bool, agents: [String: Digest]
    ) -> String {
        let cases = agents.sorted { $0.key < $1.key }.map { "\($0.key)) sha=\($0.value.hex);;" }
        return """
            LC_ALL=C; export LC_ALL; umask 077
            given=\(RemoteText.quoted(directory ?? "")); makes=\(makesDirectory ? 1 : 0); sha=-
            case $(uname -m) in \(cases.joined(separator: " ")) esac
            \(upwards)
            \(machine)
            \(tools)
            \(location)
            \(place)
            p end 1

            """
    }

    /// A script that takes back what a probe has made, where no agent came to stand in it: also of
    /// one that was cut short, or that nobody has heard of.
    static func undoing(directory: String?) -> String {
        """
        umask 077; given=\(RemoteText.quoted(directory ?? ""))
        \(upwards)
        \(location)
        \(removal)

        """
    }

    private static let upwards = #"""
        # No program that may be missing: what looks upwards has to come to an end.
        up() { case $1 in */*) set -- "${1%/*}"; echo "${1:-/}";; *) echo .;; esac; }
        """#

    private static let machine = #"""
        p() { printf 'SHUNT1 %s=%s\n' "$1" "$2"; }
        has() { command -v "$1" >/dev/null 2>&1; }
        soon() { if has timeout; then timeout 10 "$@"; else "$@"; fi; }
        # No host is asked: a route counts, a proxy, and an index that somebody has configured.
        reach() {
            set -- "${HTTPS_PROXY:-}${https_proxy:-}${ALL_PROXY:-}${all_proxy:-}${PIP_PROXY:-}" \
                "${PIP_INDEX_URL:-}${PIP_EXTRA_INDEX_URL:-}${UV_INDEX_URL:-}" \
                "${UV_DEFAULT_INDEX:-}${UV_INDEX:-}" "${XDG_CONFIG_HOME:-$HOME/.config}"
            if [ -n "$1$2$3" ]; then echo 1; return; fi
            if grep -qE '^[[:space:]]*((extra-)?index-url|proxy|\[\[index\]\])' /etc/pip.conf \
                "$HOME/.pip/pip.conf" "$4/pip/pip.conf" /etc/uv/uv.toml "$4/uv/uv.toml" \
                2>/dev/null; then echo 1; return; fi
            none=00000000
            while read -r face to via rest; do
                case $face in Iface|lo|'*') continue;; esac
                if [ "$to" = $none ] || [ "$via" != $none ]; then echo 1; return; fi
            done </proc/net/route
            none=$none$none$none$none
            [ -r /proc/net/ipv6_route ] && while read -r to bits from size via a b c d face; do
                [ "$face" = lo ] && continue
                if [ "$bits" = 00 ] || [ "$via" != $none ]; then echo 1; return; fi
            done </proc/net/ipv6_route
            echo 0
        }
        p system "$(uname -s)"; p architecture "$(uname -m)"
        p kernel "$(uname -r)"; p host "$(uname -n)"
        p user "$(id -un)"; p uid "$(id -u)"; p shell "${SHELL:-}"
        p cpus "$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN)"
        while read -r name value unit; do
            case $name in MemTotal:) p memory_kib "$value";; esac
        done </proc/meminfo
        if [ -f /sys/fs/cgroup/cgroup.controllers ]; then root=/sys/fs/cgroup
        else root=/sys/fs/cgroup/unified; fi
        own=$(sed -n 's/^0:://p' /proc/self/cgroup 2>/dev/null)
        if [ -n "$own" ] && [ -w "$root$own" ]; then p cgroup v2
        elif [ -w /sys/fs/cgroup/freezer ] && [ -w /sys/fs/cgroup/memory ]; then p cgroup v1
        else p cgroup none; fi
        """#

    private static let tools = #"""
        if has python3; then
            p python "$(soon python3 -c 'import platform; print(platform.python_version())')"
            soon python3 -c 'import ensurepip, venv' 2>/dev/null && p venv 1
        fi
        PATH=$PATH:$HOME/.local/bin:$HOME/.cargo/bin
        has uv && p uv "$(soon uv --version 2>/dev/null)"
        conda=
        for name in conda mamba micromamba; do
            for at in miniforge3 mambaforge miniconda3 anaconda3 micromamba .local; do
                [ -x "$HOME/$at/bin/$name" ] && conda=$HOME/$at/bin/$name
            done
            for at in conda miniforge3 miniconda3 anaconda3; do
                [ -x "/opt/$at/bin/$name" ] && conda=/opt/$at/bin/$name
            done
            has $name && conda=$(command -v $name)
        done
        [ -n "$conda" ] && p conda "${conda##*/} $(soon "$conda" --version 2>/dev/null </dev/null)"
        p reaches_out "$(reach)"
        # To say its version, podman makes directories for a session where there is none.
        quiet=; trap 'rm -rf "$quiet"' EXIT; trap exit HUP INT TERM PIPE
        [ -z "${XDG_RUNTIME_DIR:-}" ] && quiet=$(mktemp -d 2>/dev/null)
        for engine in podman docker apptainer; do
            has $engine || continue
            kind=engine
            # The client says its version without the daemon that it needs.
            [ $engine = docker ] && { soon docker version >/dev/null 2>&1 </dev/null ||
                kind=silent_engine; }
            p $kind "$engine $(XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-$quiet} \
                soon $engine --version 2>/dev/null </dev/null)"
        done
        if has nvidia-smi; then
            soon nvidia-smi --query-gpu=name,uuid,memory.total,driver_version \
                --format=csv,noheader,nounits </dev/null 2>/dev/null | while IFS= read -r line
            do p gpu "$line"; done
        fi
        has gzip && p gzip 1
        has sha256sum && p sha256sum 1
        if has crontab; then
            if said=$(crontab -l 2>&1 </dev/null); then p crontab 1
            else case $said in *[nN]'o crontab'*) p crontab 1;; esac; fi
        fi
        """#

    private static let removal = #"""
        [ -f "$dir/made" ] && [ ! -e "$dir/machine" ] || exit 0
        top=$(cat "$dir/made"); rm -f "$dir"/.probe-*
        # What received a program may be about to find out that nobody sends it any more.
        for turn in 1 2 3 4 5; do
            rm -rf "$dir"/bin/.new-*
            rmdir "$dir/bin" 2>/dev/null; [ -e "$dir/bin" ] || break
            ls -A "$dir/bin" | grep -qv '^[.]new-' && break
            sleep 1
        done
        [ -e "$dir/bin" ] && exit 0
        rm -f "$dir/made"; at=$dir
        [ "$top" = "$dir/bin" ] && exit 0
        while rmdir "$at" 2>/dev/null && [ "$at" != "$top" ]; do at=$(up "$at"); done
        exit 0
        """#

    private static let location = #"""
        id=$(cut -c 1-8 /etc/machine-id 2>/dev/null)
        data=${XDG_DATA_HOME:-$HOME/.local/share}
        dir=${given:-$data/shunt-agent/$(uname -n)${id:+-$id}}
        while [ "$dir" != / ] && [ "${dir%/}" != "$dir" ]; do dir=${dir%/}; done
        # Its name without links: what lies around it is looked at.
        rest=; base=$dir
        while [ ! -d "$base" ] && [ "$base" != / ]; do
            rest=/${base##*/}$rest; base=$(up "$base")
        done
        if real=$(cd "$base" 2>/dev/null && pwd -P); then
            [ "$real" = / ] && real=
            dir=$real$rest
        fi
        """#

    private static let place = #"""
        p directory "$dir"
        # One that is somebody else's, or within an agent's, would go with a purge: nothing is
        # written there, and nothing is made.
        free=1; is_agents=0
        case $(head -n 1 "$dir/machine" 2>/dev/null) in host:?*) is_agents=1;; esac
        if [ -d "$dir" ] && [ $is_agents = 0 ]; then
            other=$({ ls -A "$dir" | grep -vxE 'bin|made'
                ls -A "$dir/bin" | grep -vE '^(\.new-.*|[0-9a-f]{64})$'
            } 2>/dev/null | head -n 1)
            [ -n "$other" ] && { free=0; p occupied "$other"; }
            case $(ls -ldn "$dir") in d????w*|d???????w*) free=0; p open_to_others 1;; esac
        fi
        at=$dir
        while [ "$at" != / ] && [ "$at" != . ]; do
            at=$(up "$at")
            [ -f "$at/machine" ] && [ -e "$at/attach" ] && { free=0; p inside "$at"; }
        done
        made=; at=$dir/bin
        while [ ! -e "$at" ]; do made=$at; at=$(up "$at"); done
        if [ $free = 0 ]; then :
        elif [ "$makes" = 1 ] && ! said=$(mkdir -p "$dir/bin" 2>&1); then p directory_error "$said"
        elif [ ! -d "$dir" ]; then p missing 1
        else
            # What was made for it is removed with it, also when this is cut short.
            if [ "$makes" = 1 ] && [ -n "$made" ] && [ ! -e "$dir/made" ]; then
                printf '%s\n' "$made" >"$dir/made" 2>/dev/null
            fi
            probe=$dir/.probe-$$
            if ! said=$( (set -C; : >"$probe") 2>&1); then p directory_error "$said"
            else
                printf '#!/bin/sh\nexit 0\n' >"$probe"; chmod 700 "$probe"
                "$probe" 2>/dev/null || p noexec 1
                rm -f "$probe"
            fi
            df -Pk "$dir" 2>/dev/null | { read -r head; read -r fs all used free rest
                p free_kib "$free"; }
            p file_system "$(stat -f -c %T "$dir" 2>/dev/null)"
            p owner "$(ls -ldn "$dir" | { read -r mode n owner rest; echo "$owner"; })"
            agent=$dir/bin/$sha/shunt-agent
            if [ -x "$agent" ] && [ -x "$dir/bin/$sha/shunt-init" ]; then
                if ! has sha256sum; then p agent present
                elif [ "$(sha256sum <"$agent" | cut -c 1-64)" = "$sha" ]; then p agent present
                else p agent damaged; fi
            fi
            if [ -e "$dir/attach" ]; then
                p installed 1; p agent_id "$(cat "$dir/id" 2>/dev/null)"
                # By its own name: as `attach` it would serve.
                p agent_release "$(soon "$(readlink "$dir/attach")" --version 2>/dev/null)"
            fi
        fi
        """#
}
