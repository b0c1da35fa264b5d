// The mark of the program.

import mark from "../styles/mark.svg";

export function Mark() {
  return <img src={mark} alt="" width={28} height={28} />;
}
