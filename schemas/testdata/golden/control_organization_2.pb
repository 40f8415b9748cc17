01K9ZZZZZZZZZZZZZZZZZZZZZC	org/org_1 (Ä†¨ß†çë2key_1:org_1Breq_01K9ZZZZZZZZZZZZZZZZZZZZZ1íS
org_1Example"#
	Ä†î•ç


<†ç*2:acl_1@HÄ†¨ß†çëP