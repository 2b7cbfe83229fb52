# Removes a server's folder once nobody uses it any more.
#
# $1 the folder, $2 the folder above, removed too if it is empty.
#
# stdin is a pipe held by the owner, the watchdog and every process of the server: it ends when
# the last of them is gone. Apart from the watchdog, because that one may run as another user,
# who may not remove the folder.
cat >/dev/null
rm -rf -- "$1"
rmdir -- "$2"
