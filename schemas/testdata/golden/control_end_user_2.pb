01K9ZZZZZZZZZZZZZZZZZZZZZCuser/org_1/ada/2 (Ä†¨ß†çë2key_1:org_1Breq_01K9ZZZZZZZZZZZZZZZZZZZZZ1 5
org_1ada/2#
	Ä†î•ç


<†ç 