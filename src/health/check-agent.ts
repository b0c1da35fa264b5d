// What a check calls itself, so that people find it in the logs of what it checks.

export const checkAgent = "Tidegate-Check";
