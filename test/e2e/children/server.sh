# A service: says what it got and when it gets signals, ends itself on SIGTERM, shows its file on SIGHUP.
trap 'echo "$$ term"; exit 0' TERM
trap 'echo "$$ hup $(cksum < "$CERT")"' HUP
echo "$$ started $(printf %s "$TOKEN" | cksum)"
while :; do sleep 0.05; done
