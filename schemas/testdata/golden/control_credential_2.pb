01K9ZZZZZZZZZZZZZZZZZZZZZCcredential/org_1/crd_1 (Ä†¨ß†çë2key_1:org_1Breq_01K9ZZZZZZZZZZZZZZZZZZZZZ1¬[
crd_1org_1grp_1"key_1*openai2https://api.example.org/v1:B
sk-‚Ä¶wxyzHÄ†¨ß†çë