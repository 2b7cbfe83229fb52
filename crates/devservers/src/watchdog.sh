# Runs one server for as long as its owner lives.
#
# $1 signal that asks the server to stop, $2 tenths of a second until it is killed,
# $3 log file, $4... the server's command line.
#
# stdin is a pipe that only the owner holds: its end means that the owner let go or died.
# The server's pid is printed on stderr, which the owner reads. stdout goes to the janitor and
# is inherited by the server, so that the janitor knows when the last process is gone.
signal=$1 patience=$2 log=$3
shift 3

exec 3<&0 </dev/null
"$@" 3<&- 2>>"$log" &
server=$!
# The owner may be dead by now; that must not end the watchdog before the server.
trap '' PIPE
echo "$server" >&2
exec 2>/dev/null

{
    read -r _ <&3
    kill -s "$signal" "$server"
    while [ "$patience" -gt 0 ] && kill -0 "$server"; do
        sleep 0.1
        patience=$((patience - 1))
    done
    kill -s KILL "$server"
} &
stopper=$!

# Returns however the server ended: asked to, killed, or by itself.
wait "$server"
status=$?
kill "$stopper"
exit "$status"
