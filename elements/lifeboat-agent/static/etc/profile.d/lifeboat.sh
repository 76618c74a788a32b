# Shown by the shells that the image leaves on its consoles.
echo
echo "Lifeboat: this is a root shell of the recovery system; it runs from memory."
echo "  journalctl -u lifeboat    what the agent did"
echo "  systemctl restart lifeboat    start it again"
