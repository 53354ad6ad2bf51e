# Says its process id, and on SIGTERM that it ends, into the file that it is given; then it ends.
trap 'echo ended >> "$1"; exit 3' TERM
echo $$ >> "$1"
while :; do sleep 0.05; done
