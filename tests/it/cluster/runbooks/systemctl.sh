#!/bin/sh
# In the place of the service manager on the machines of runbooks.rs. It does what the units of
# deploy/systemd say of commands, variables and folders; accounts, limits and restarts are not kept.
set -eu
action=$1; shift
[ "${1:-}" != --now ] || shift
unit=$SHIM/${1%.service}.service
setting() { sed -n "s/^$1=//p" "$unit" | head -n 1; }
lives() { [ -e "/proc/$1/status" ] && ! grep -q '^State:.Z' "/proc/$1/status"; }
start_node() {
    command=$(setting ExecStart)
    [ ! -e /etc/edgeway/environment ] || { set -a; . /etc/edgeway/environment; set +a; }
    # Without what the caller's terminal has.
    unset EDGEWAY_ENDPOINT EDGEWAY_ADMIN_FILE
    (cd /var/lib/edgeway; exec setsid ${command#/usr/bin/} </dev/null >>/run/edgeway.log 2>&1) &
    echo $! >/run/edgeway.pid
    # Type=notify: started is what serves.
    until edgeway ready --config /etc/edgeway/edgeway.toml >/dev/null 2>&1; do
        lives "$(cat /run/edgeway.pid)" || { tail -n 5 /run/edgeway.log >&2; exit 1; }
        sleep 0.2
    done
}
stop_node() {
    kill -TERM "$(cat /run/edgeway.pid)" 2>/dev/null || true
    while lives "$(cat /run/edgeway.pid)"; do sleep 0.1; done
}
case "$action $1" in
"enable edgeway" | "start edgeway") start_node ;;
"disable edgeway" | "stop edgeway") stop_node ;;
"enable edgeway-backup.timer") grep -q OnCalendar "$SHIM/edgeway-backup.timer" ;;
"start edgeway-backup")
    mkdir -p /run/edgeway-backup /var/lib/edgeway-backup
    # As systemd reads it: a value is the rest of the line.
    unset EDGEWAY_ADMIN_FILE
    env -i PATH="$PATH" STATE_DIRECTORY=/var/lib/edgeway-backup RUNTIME_DIRECTORY=/run/edgeway-backup \
        "$(sed -n 's/^EDGEWAY_BACKUP_SEAL/&/p' /etc/edgeway/backup.environment)" \
        $(grep -v '^#\|^$\|_SEAL=' /etc/edgeway/backup.environment) \
        "$SHIM/edgeway-backup"
    ;;
*) echo "systemctl $action $*: not here" >&2; exit 1 ;;
esac
