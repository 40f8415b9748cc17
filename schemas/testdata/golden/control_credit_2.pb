01K9ZZZZZZZZZZZZZZZZZZZZZCcredit/org_1/cdt_1 (€ ¬§ ‘2key_1:org_1Breq_01K9ZZZZZZZZZZZZZZZZZZZZZ1Ò,
cdt_1org_1€àšÆ½îþÿÿ *refund0€ ¬§ ‘